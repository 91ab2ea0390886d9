"""Programs, files and what --add brings take the place of busybox's applets and of a part's links.

Needs busybox, kmod, dash.
"""

import json
from pathlib import Path

from tests.command import mkinitfs

PART = 'programs = ["busybox"]\napplets = ["sh", "vi"]\nsymlinks = { "/sbin/modprobe" = "/bin/busybox" }\n'


def planned(folder: Path, text: str, *words: str) -> dict[str, dict[str, str]]:
    """What an image of the profile `text`, which extends PART, would hold, by path."""
    (folder / "part.toml").write_text(PART)
    (folder / "own.toml").write_text(f'extends = ["{folder}/part.toml"]\n{text}')
    done = mkinitfs("plan", "--json", "--profile", folder / "own.toml", *words)
    assert done.code == 0, done.err
    return {entry["path"]: entry for entry in json.loads(done.out)["entries"]}


def test_a_program_wins_over_a_link_of_a_part(tmp_path):
    """The kernel executes /sbin/modprobe: kmod's knows what busybox's does not (softdeps, install)."""
    found = planned(tmp_path, 'programs = ["modprobe"]\n')
    assert found["usr/sbin/modprobe"]["target"].endswith("/bin/kmod")
    assert "usr/bin/kmod" in found and found["usr/bin/vi"]["target"] == "busybox"
    assert planned(tmp_path, "")["usr/sbin/modprobe"]["target"] == "/bin/busybox"


def test_a_link_leads_to_the_program_of_its_name_wherever_that_lies(tmp_path):
    (tmp_path / "part.toml").write_text(PART)
    found = planned(tmp_path, 'programs = ["/usr/bin/dash"]\nsymlinks = { "/sbin/dash" = "/bin/busybox" }\n')
    assert found["usr/sbin/dash"]["target"] == "/usr/bin/dash"


def test_a_file_and_what_is_added_win_over_applets_and_links(tmp_path):
    (tmp_path / "vi").write_text("#!/bin/sh\n")
    add = ("--add", f"{tmp_path}/vi:/bin/vi", "--add", f"{tmp_path}/vi:/sbin/modprobe")
    found = planned(tmp_path, 'files = ["/bin/dash"]\n', *add)
    assert found["usr/bin/vi"]["type"] == found["usr/sbin/modprobe"]["type"] == "file"


def test_a_program_takes_its_applets_place_in_the_staged_ramdisk_too(tmp_path):
    """What is staged is copied from the image: with the program go the libraries that it needs."""
    (tmp_path / "ram.toml").write_text('programs = ["busybox"]\napplets = ["mount", "ps"]\n')
    found = planned(tmp_path, f'ramdisk = "{tmp_path}/ram.toml"\nprograms = ["mount", "dash"]\n')
    assert found["usr/bin/mount"]["type"] == "file"
    image = tmp_path / "x.img"
    done = mkinitfs("build", "--profile", tmp_path / "own.toml", "--compression", "none", "-o", image)
    assert done.code == 0, done.err
    staged = mkinitfs("cat", image, "/usr/lib/mkinitfs/ramdisk").out.splitlines()
    assert "usr/bin/mount" in staged and any("/libmount.so" in path for path in staged)
    assert "usr/bin/dash" not in staged
