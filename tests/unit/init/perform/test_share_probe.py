"""Looking at what a share keeps, on a file system that has everything."""

import os
from pathlib import Path

import pytest

from init.boot.share_needs import NEEDS, USERS_FILES, Look
from init.operations import TryRoot
from init.perform import share_probe
from init.system.mount_table import unescape
from tests.unit.files import link, put


def probe(root: Path | str, read_only: bool, seconds: float = 60) -> Look:
    return share_probe.probe(TryRoot(str(root), read_only, seconds))


@pytest.mark.skipif(os.geteuid() != 0, reason="device nodes and owners are root's to make")
def test_nothing_is_missing_here_and_nothing_is_left(tmp_path: Path) -> None:
    look = probe(tmp_path, read_only=False)
    assert (look.lacks, look.trouble) == ((), "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="a user's files are made by who can become one")
def test_where_nobody_can_be_given_a_folder_no_user_can_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a server that passes over chown: the folder stays root's, and the user is not let in."""
    monkeypatch.setattr(os, "chown", lambda *_: None)
    assert set(probe(tmp_path, read_only=False).lacks) == {"owners", USERS_FILES}
    assert list(tmp_path.iterdir()) == []
    assert os.geteuid() == 0


@pytest.mark.parametrize("read_only", [True, False])
def test_names_that_another_client_has_mapped(tmp_path: Path, read_only: bool) -> None:
    put(tmp_path / "var/lib/dpkg/info/libc6\uf022amd64.list")
    assert probe(tmp_path, read_only).mapped
    put(tmp_path / "var/lib/dpkg/info/libc6:amd64.list")  # by its true name, too: this mount maps
    assert not probe(tmp_path, read_only).mapped


def test_all_trials_are_needs_that_are_known() -> None:
    assert {need for need, *_ in share_probe.TRIALS} | {"room"} == set(NEEDS)
    assert {need for need, _ in share_probe.LOOKS} < set(NEEDS)


def test_a_folder_that_cannot_be_written() -> None:
    assert probe("/proc", read_only=False).lacks == ("writing",)


def test_a_server_that_goes_away_is_waited_for_so_long_and_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = os.pipe()
    monkeypatch.setattr(share_probe, "LOOKS", (("locks", lambda _: False), ("modes", lambda _: os.read(reader, 1))))
    look = probe(tmp_path, read_only=True, seconds=0.5)
    os.close(writer)
    os.close(reader)
    assert look.lacks == ("locks",)
    assert look.trouble.endswith("no answer within 0.5 s")


def test_a_look_that_stumbles_is_not_one_that_found_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share_probe, "LOOKS", (("locks", lambda _: False), ("modes", lambda _: os._exit(0))))
    assert probe(tmp_path, read_only=True)[::2] == (("locks",), "not all that a root needs could be tried on the share")


def test_what_can_be_seen_without_writing(tmp_path: Path) -> None:
    put(tmp_path / "etc/passwd", "root::0:0:root:/root:/bin/sh\n")
    put(tmp_path / "usr/bin/su", "su", 0o4755)
    link(tmp_path, {"bin": "usr/bin"})
    assert probe(tmp_path, read_only=True).lacks == ()
    (tmp_path / "bin").unlink()
    (tmp_path / "bin").write_bytes(b"XSym\n0007\n".ljust(1067, b" "))  # fs/smb/client/link.c
    (tmp_path / "etc/passwd").chmod(0o755)
    (tmp_path / "usr/bin/su").chmod(0o755)
    assert probe(tmp_path, read_only=True).lacks == ("symlinks", "modes", "set-user-ID bits")


def test_the_options_are_those_of_proc_mounts() -> None:
    fields = [line.split(" ") for line in Path("/proc/mounts").read_text().splitlines()]
    shown = {unescape(point): words.split(",") for _, point, _, words, *_ in fields}  # the topmost mount comes last
    assert len(shown) > 3
    for point, words in shown.items():
        assert sorted(share_probe.mount_options(point)) == sorted(set(map(unescape, words))), point
    assert share_probe.mount_options("/nowhere") == ()
