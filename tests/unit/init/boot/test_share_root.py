"""Which version of SMB a plain root is mounted with, what is looked at, and the one line that is said of it."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from init import operations
from init.boot import steps
from init.boot.share_needs import NEEDS, Found, advise
from init.boot.share_root import versions
from init.cmdline.settings import from_command_line
from init.cmdline.words import parse
from init.operations import StepError
from init.perform import share_probe
from tests.machine import Machine

SHARE = "root=/dev/cifs cifsroot=//server/share"
UNIX = ("rw", "vers=1.0", "unix")
POSIX = ("rw", "vers=3.1.1", "posix")
BARE = ("rw", "vers=3.1.1", "nounix")
NO_SMB3 = StepError("//server/share: Operation not supported", errno=errno.EOPNOTSUPP)


def booted(words: str = "", **answers: Any) -> Machine:
    machine = Machine({getattr(operations, name): answer for name, answer in answers.items()})
    machine.run(steps.boot(from_command_line(parse(f"{SHARE}{words}"))))
    return machine


def mounted(machine: Machine) -> list[str]:
    return [one.options for one in machine.of(operations.MountShare)]


def by_version(**outcomes: Any) -> Any:
    """A server that answers a mount by the first word that the options hold."""

    def answer(operation: operations.MountShare) -> None:
        for word, outcome in outcomes.items():
            if word in operation.options.replace(".", "").replace("=", ""):
                raise outcome

    return answer


@pytest.mark.parametrize(
    ("given", "tried"),
    [
        (
            "",
            [
                "vers=3.1.1,posix,hard",
                "vers=1.0,nouser_xattr,hard",
                "vers=3.1.1,mfsymlinks,sfu,nobrl,dynperm,hard",
            ],
        ),
        (",vers=1.0", ["hard,vers=1.0,nouser_xattr"]),
        (",vers=1.0,user_xattr", ["hard,vers=1.0,user_xattr"]),
        (",vers=3.1.1,posix,soft", ["vers=3.1.1,posix,soft"]),
        (
            ",brl,soft",
            [
                "vers=3.1.1,posix,brl,soft",
                "vers=1.0,nouser_xattr,brl,soft",
                "vers=3.1.1,mfsymlinks,sfu,dynperm,brl,soft",
            ],
        ),
        (
            ",nounix,nosfu",
            [
                "vers=3.1.1,hard,nounix,nosfu",
                "vers=1.0,nouser_xattr,hard,nounix,nosfu",
                "vers=3.1.1,mfsymlinks,nobrl,dynperm,hard,nounix,nosfu",
            ],
        ),
        (",linux,port=4451", None),
    ],
)
def test_what_is_tried(given: str, tried: list[str] | None) -> None:
    """What the user gives wins, also over its opposite."""
    share = from_command_line(parse(f"{SHARE},user=anna,password=secret{given}")).source
    found = versions(share)  # type: ignore[arg-type]
    assert found == tried or (tried is None and all("posix" not in one and "port=4451" in one for one in found))


def test_the_first_that_lacks_nothing_is_taken() -> None:
    machine = booted(" rw")
    assert mounted(machine) == ["vers=3.1.1,posix,hard,guest,rw"]
    assert machine.of(operations.TryRoot) == [operations.TryRoot("/sysroot", False, 30.0)]
    assert not machine.of(operations.Unmount)


def test_the_documents_server_is_spoken_to_in_smb1() -> None:
    """Samba without POSIX extensions for SMB3 refuses them, and speaks SMB1 with UNIX extensions."""
    machine = booted(" rw", MountShare=by_version(posix=NO_SMB3))
    assert mounted(machine) == ["vers=3.1.1,posix,hard,guest,rw", "vers=1.0,nouser_xattr,hard,guest,rw"]
    assert "share: vers=3.1.1,posix,hard,guest: //server/share: Operation not supported" in machine.log()
    assert "share: //server/share mounted on /sysroot with vers=1.0,nouser_xattr,hard,guest [0.00 s]" in machine.log()


def test_the_one_that_lacks_least_is_taken() -> None:
    some, more = Found(("owners", "set-user-ID bits"), POSIX), Found(("owners", "symlinks", "fifos"), BARE)
    machine = booted(" rw", MountShare=by_version(vers10=NO_SMB3), TryRoot=[some, more])
    assert [one.partition(",hard")[0].removesuffix(",nouser_xattr") for one in mounted(machine)] == [
        "vers=3.1.1,posix", "vers=1.0", "vers=3.1.1,mfsymlinks,sfu,nobrl,dynperm", "vers=3.1.1,posix",
    ]  # fmt: skip
    assert machine.of(operations.Unmount) == [operations.Unmount("/sysroot")] * 2
    assert f"root: {advise(some)}" in machine.log(4)


def test_a_better_one_is_kept() -> None:
    machine = booted(" rw", TryRoot=[Found(("owners",), POSIX), Found((), UNIX)])
    assert [one.split(",")[0] for one in mounted(machine)] == ["vers=3.1.1", "vers=1.0"]
    assert not machine.log(4)


def test_a_look_that_came_to_no_end_is_no_reason_to_try_on() -> None:
    machine = booted(" rw", TryRoot=Found(("owners",), POSIX, True, "no answer within 30 s"))
    assert len(mounted(machine)) == 1
    assert machine.log(4)[0] == "root: no answer within 30 s"


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOENT, errno.ECONNREFUSED, errno.ETIMEDOUT])
def test_what_has_nothing_to_do_with_versions_is_said_at_once(number: int) -> None:
    machine = booted(" panic=-1", MountShare=StepError("//server/share: no", errno=number))
    assert len(mounted(machine)) == 1
    assert "what failed: //server/share: no" in machine.of(operations.Report)[0].text


def test_no_version_taken_names_all_that_were_tried() -> None:
    down = StepError("//server/share: Host is down", errno=errno.EHOSTDOWN, retry=True)
    machine = booted(" panic=-1 rd.retry=0", MountShare=by_version(vers10=down, vers=NO_SMB3))
    text = machine.of(operations.Report)[0].text
    assert "what failed: //server/share: the server takes none of the versions tried" in text
    assert text.count("Operation not supported") == 2
    assert text.count("Host is down") == 1


def test_a_given_version_fails_as_it_is() -> None:
    machine = booted(",vers=3.0 panic=-1", MountShare=NO_SMB3)
    assert mounted(machine) == ["hard,vers=3.0,guest,ro"]
    assert "what failed: //server/share: Operation not supported" in machine.of(operations.Report)[0].text


def test_where_nothing_can_be_executed_no_init_is_tried() -> None:
    machine = booted(",noexec rw panic=-1", TryRoot=Found(("executing scripts",), (*BARE, "noexec")))
    text = machine.of(operations.Report)[0].text
    assert "what failed: nothing on the share can be executed" in text
    assert "the share lacks executing scripts: take noexec away; or put the root into a container (loop=)" in text
    assert machine.of(operations.Unmount)[-1] == operations.Unmount("/sysroot")
    assert not machine.of(operations.Resolve)


@pytest.mark.parametrize("words", [" ro", "", ",ro rw"])
def test_a_read_only_root_is_only_looked_at(words: str) -> None:
    assert booted(words).of(operations.TryRoot) == [operations.TryRoot("/sysroot", True, 30.0)]


def test_a_root_that_is_to_be_remounted_is_mounted_under_its_own_name() -> None:
    machine = booted(" ro", TakeHostName=True)
    assert mounted(machine) == ["vers=3.1.1,posix,hard,guest,ro"] * 2
    assert machine.of(operations.Unmount) == [operations.Unmount("/sysroot")]
    assert len(mounted(booted(" ro", TakeHostName=False))) == 1
    assert not booted(" rw").of(operations.TakeHostName)


# A server of oplocks alone, as cifs shows it.

DEBUG_DATA = "Servers: \n1) ConnectionId: 0x1 Hostname: server \nServer capabilities: 0x%x\nTCP status: 1\n"
OPLOCKS, LEASES = (DEBUG_DATA % bits for bits in (0x30004C, 0x30004F))  # ksmbd's and Samba's


@pytest.mark.parametrize(
    ("data", "given", "then"),
    [
        (OPLOCKS, "vers=3.1.1", ["hard,vers=3.1.1", "hard,vers=3.1.1,nolease"]),
        (OPLOCKS, "vers=3.1.1,nolease", ["hard,vers=3.1.1,nolease"]),
        (OPLOCKS, "vers=1.0", ["hard,vers=1.0,nouser_xattr"]),  # whose capabilities are others
        (LEASES, "vers=3.1.1", ["hard,vers=3.1.1"]),
        (DEBUG_DATA % 0x30004F + OPLOCKS, "vers=3.1.1", ["hard,vers=3.1.1"]),  # an older connection
        ("Servers: <NONE>\n", "vers=3.1.1", ["hard,vers=3.1.1"]),
        ("\nServer capabilities: 0x?", "vers=3.1.1", ["hard,vers=3.1.1"]),
    ],
)
def test_nothing_is_cached_where_the_server_has_no_leases(data: str, given: str, then: list[str]) -> None:
    machine = booted(f",{given} rw", ReadAt=data.encode())
    assert [one.replace(",guest", "").removesuffix(",rw") for one in mounted(machine)] == then
    assert len(machine.of(operations.Unmount)) == len(then) - 1


def test_the_one_that_lacks_least_is_mounted_again_as_it_was() -> None:
    some, more = Found(("owners",), POSIX), Found(("owners", "symlinks"), BARE)
    machine = booted(" rw", MountShare=by_version(vers10=NO_SMB3), TryRoot=[some, more], ReadAt=OPLOCKS.encode())
    assert mounted(machine)[-1] == "vers=3.1.1,posix,hard,guest,nolease,rw"
    assert len(mounted(machine)) == 6  # two with and without, one refused, one in the end


def test_a_kernel_that_tells_nothing_of_its_servers() -> None:
    machine = booted(" rw", ReadAt=StepError("/proc/fs/cifs/DebugData: No such file or directory"))
    assert len(mounted(machine)) == 1


# The one line.

SMB1 = 'vers=1.0 with "server min protocol = NT1" and "unix extensions = yes" on the server'
ROOT = '"force user = root" in the share\'s section on the server'


@pytest.mark.parametrize(
    ("lacks", "options", "line"),
    [
        (
            ("owners", "device nodes"), BARE,
            f'device nodes, owners: {SMB1}, or vers=3.1.1,posix with "smb3 unix extensions = yes" on the server',
        ),
        (("owners", "device nodes"), UNIX, f"device nodes, owners: {ROOT}"),
        (("owners",), POSIX, f"owners: {SMB1}"),
        (("symlinks",), BARE, "symlinks: mfsymlinks"),
        (("fifos", "symlinks", "device nodes"), BARE, "symlinks, device nodes, fifos: mfsymlinks,sfu"),
        (("locks",), BARE, "locks: nobrl"),
        (("modes",), ("vers=1.0", "nounix"), 'modes: "unix extensions = yes" on the server, and no nounix here'),
        (("owners",), (*UNIX, "forceuid"), "owners: take uid= (forceuid) away"),
        (("device nodes", "locks"), (*UNIX, "nodev"), "device nodes, locks: take nodev away; nobrl"),
        (("writing",), UNIX, f'writing: "read only = no" and {ROOT}'),
        (("room",), POSIX, "room: room or quota on the server"),
        (
            ("the modes of new files",), UNIX,
            'the modes of new files: "create mask = 0777" and "directory mask = 0777" in the share\'s section',
        ),
    ],
)  # fmt: skip
def test_the_line(lacks: tuple[str, ...], options: tuple[str, ...], line: str) -> None:
    assert advise(Found(lacks, options)) == f"the share lacks {line}; or put the root into a container (loop=)"


@pytest.mark.parametrize("options", [UNIX, POSIX, BARE, ("vers=1.0", "nounix")])
@pytest.mark.parametrize("need", NEEDS)
def test_every_need_has_a_way(need: str, options: tuple[str, ...]) -> None:
    line = advise(Found((need,), options))
    assert line.startswith(f"the share lacks {need}: ")
    assert "\n" not in line
    assert len(line) < 400


# Looking, on a file system that has everything.


@pytest.mark.skipif(os.geteuid() != 0, reason="device nodes and owners are root's to make")
def test_nothing_is_missing_here_and_nothing_is_left(tmp_path: Path) -> None:
    found = share_probe.probe(str(tmp_path), read_only=False, seconds=60)
    assert (found.lacks, found.trouble) == ((), "")
    assert list(tmp_path.iterdir()) == []


def test_all_trials_are_needs_that_are_known() -> None:
    assert {need for need, *_ in share_probe._TRIALS} | {"room"} == set(NEEDS)
    assert {need for need, _ in share_probe._LOOKS} < set(NEEDS)


def test_a_folder_that_cannot_be_written() -> None:
    assert share_probe.probe("/proc", read_only=False, seconds=60).lacks == ("writing",)


def test_a_server_that_goes_away_is_waited_for_so_long_and_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = os.pipe()
    monkeypatch.setattr(share_probe, "_LOOKS", (("locks", lambda _: False), ("modes", lambda _: os.read(reader, 1))))
    found = share_probe.probe(str(tmp_path), read_only=True, seconds=0.5)
    os.close(writer)
    os.close(reader)
    assert found.lacks == ("locks",)
    assert found.trouble.endswith("no answer within 0.5 s")


def test_what_can_be_seen_without_writing(tmp_path: Path) -> None:
    root = str(tmp_path)
    (tmp_path / "etc").mkdir()
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "etc/passwd").write_text("root::0:0:root:/root:/bin/sh\n")
    (tmp_path / "usr/bin/su").write_text("su")
    (tmp_path / "usr/bin/su").chmod(0o4755)
    (tmp_path / "bin").symlink_to("usr/bin")
    assert share_probe.probe(root, read_only=True, seconds=60).lacks == ()
    (tmp_path / "bin").unlink()
    (tmp_path / "bin").write_bytes(b"XSym\n0007\n".ljust(1067, b" "))  # fs/smb/client/link.c
    (tmp_path / "etc/passwd").chmod(0o755)
    (tmp_path / "usr/bin/su").chmod(0o755)
    assert share_probe.probe(root, read_only=True, seconds=60).lacks == ("symlinks", "modes", "set-user-ID bits")
