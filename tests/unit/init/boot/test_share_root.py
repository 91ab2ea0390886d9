"""Which version of SMB a plain root is mounted with, and what is said of it."""

import errno
from typing import Any

import pytest

from init import operations
from init.boot.share_needs import USERS_FILES, Look, advise
from init.boot.share_root import versions
from init.operations import StepError
from tests.machine import Machine, settings
from tests.machine import booted as boot_of
from tests.unit.init.boot.test_share_needs import BARE, POSIX, UNIX

NEW, OLD = "vers=3.1.1,posix,nomapposix", "vers=1.0,unix,nomapposix,nouser_xattr"
SHARE = "root=/dev/cifs cifsroot=//server/share"
NO_SMB3 = StepError("//server/share: Operation not supported", errno=errno.EOPNOTSUPP)


def booted(words: str = "", **answers: Any) -> Machine:
    return boot_of(f"{SHARE}{words}", {getattr(operations, name): answer for name, answer in answers.items()})


def mounted(machine: Machine) -> list[str]:
    return [one.options for one in machine.of(operations.MountShare)]


def by_version(**outcomes: Any) -> Any:
    """A server that answers a mount by the first word that an option begins with."""

    def answer(operation: operations.MountShare) -> None:
        for word, outcome in outcomes.items():
            if any(one.startswith(word) for one in operation.options.replace(".", "").replace("=", "").split(",")):
                raise outcome

    return answer


@pytest.mark.parametrize(
    ("given", "tried"),
    [
        ("", [f"{NEW},hard", f"{OLD},hard", "vers=3.1.1,mfsymlinks,sfu,nobrl,dynperm,hard",
              "vers=1.0,nouser_xattr,hard"]),
        (",vers=1.0", ["unix,nomapposix,nouser_xattr,hard,vers=1.0", "nouser_xattr,hard,vers=1.0"]),
        (",vers=1", ["unix,nomapposix,nouser_xattr,hard,vers=1", "nouser_xattr,hard,vers=1"]),
        (",vers=1.0,unix,user_xattr,mapposix", ["hard,vers=1.0,unix,user_xattr,mapposix"]),
        (",vers=1.0,nounix", ["nouser_xattr,hard,vers=1.0,nounix"]),
        (",mapchars", ["vers=3.1.1,posix,hard,mapchars", "vers=1.0,unix,nouser_xattr,hard,mapchars",
                       "vers=3.1.1,mfsymlinks,sfu,nobrl,dynperm,hard,mapchars", "vers=1.0,nouser_xattr,hard,mapchars"]),
        (",vers=3.1.1,posix,soft", ["vers=3.1.1,posix,soft"]),
        (",brl,soft", [f"{NEW},brl,soft", f"{OLD},brl,soft", "vers=3.1.1,mfsymlinks,sfu,dynperm,brl,soft",
                       "vers=1.0,nouser_xattr,brl,soft"]),
        (",nounix,nosfu", ["vers=3.1.1,hard,nounix,nosfu", "vers=3.1.1,mfsymlinks,nobrl,dynperm,hard,nounix,nosfu",
                           "vers=1.0,nouser_xattr,hard,nounix,nosfu"]),
        (",linux,port=4451", None),
    ],
)  # fmt: skip
def test_what_is_tried(given: str, tried: list[str] | None) -> None:
    """What the user gives wins, also over its opposite."""
    share = settings(f"{SHARE},user=anna,password=secret{given}").source
    texts = versions(share)  # type: ignore[arg-type]
    assert texts == tried or (
        tried is None
        and all(
            {"linux", "port=4451"} == set(one.split(",")) & {"posix", "unix", "linux", "port=4451"} for one in texts
        )
    )


def test_the_first_that_lacks_nothing_is_taken() -> None:
    machine = booted(" rw")
    assert mounted(machine) == [f"{NEW},hard,guest,rw"]
    assert machine.of(operations.TryRoot) == [operations.TryRoot("/sysroot", False, 30.0)]
    assert not machine.of(operations.Unmount)


def test_the_documents_server_is_spoken_to_in_smb1() -> None:
    """Samba without POSIX extensions for SMB3 refuses them, and speaks SMB1 with UNIX extensions."""
    machine = booted(" rw", MountShare=by_version(posix=NO_SMB3))
    assert mounted(machine) == [f"{NEW},hard,guest,rw", f"{OLD},hard,guest,rw"]
    assert f"share: {NEW},hard,guest: //server/share: Operation not supported" in machine.log()
    assert f"share: //server/share mounted on /sysroot with {OLD},hard,guest [0.00 s]" in machine.log()


def test_the_one_that_lacks_least_is_taken() -> None:
    some, more = Look(("owners", "set-user-ID bits"), POSIX), Look(("owners", "symlinks", "fifos"), BARE)
    machine = booted(" rw", MountShare=by_version(vers10=NO_SMB3), TryRoot=[some, more])
    assert [one.partition(",hard")[0] for one in mounted(machine)] == [
        NEW, OLD, "vers=3.1.1,mfsymlinks,sfu,nobrl,dynperm", NEW,
    ]  # fmt: skip
    assert machine.of(operations.Unmount) == [operations.Unmount("/sysroot")] * 2
    assert f"root: {advise(some)}" in machine.log(4)


def test_a_better_one_is_kept() -> None:
    machine = booted(" rw", TryRoot=[Look(("owners",), POSIX), Look((), UNIX)])
    assert [one.split(",")[0] for one in mounted(machine)] == ["vers=3.1.1", "vers=1.0"]
    assert not machine.log(4)


def test_nothing_is_tried_beyond_unix_extensions() -> None:
    """Over SMB1 a user's new file is root's; that is said, and no emulation could do better."""
    machine = booted(" rw", MountShare=by_version(posix=NO_SMB3), TryRoot=Look((USERS_FILES,), UNIX))
    assert mounted(machine) == [f"{NEW},hard,guest,rw", f"{OLD},hard,guest,rw"]
    assert not machine.of(operations.Unmount)
    assert f"root: {advise(Look((USERS_FILES,), UNIX))}" in machine.log(4)


def test_smb1_without_unix_extensions_is_what_is_asked_for() -> None:
    """Servers without them refuse the option `unix`; one that has no SMB1 is not asked for ever."""
    machine = booted(",vers=1.0 rw", MountShare=by_version(unix=NO_SMB3))
    assert mounted(machine) == ["unix,nomapposix,nouser_xattr,hard,vers=1.0,guest,rw",
                                "nouser_xattr,hard,vers=1.0,guest,rw"]  # fmt: skip
    machine = booted(",vers=1.0 panic=-1", MountShare=NO_SMB3)
    assert len(mounted(machine)) == 2
    assert "what failed: //server/share: Operation not supported" in machine.of(operations.Report)[0].text


def test_a_server_of_nothing_but_smb1_is_taken_as_it_is() -> None:
    machine = booted(" rw", MountShare=by_version(vers311=NO_SMB3, unix=NO_SMB3), TryRoot=Look(("owners",), BARE))
    assert mounted(machine)[-1] == "vers=1.0,nouser_xattr,hard,guest,rw"
    assert not machine.of(operations.Unmount)


@pytest.mark.parametrize("lacks", [(), ("owners",)])
def test_names_that_another_client_mapped_are_told(lacks: tuple[str, ...]) -> None:
    machine = booted(" rw", TryRoot=Look(lacks, UNIX, mapped=True))
    (line,) = [line for line in machine.log(4) if "U+F022" in line]
    assert line.startswith("root: names on the share have U+F022 for a colon")
    assert "or give mapposix in cifsroot=" in line


def test_a_look_that_came_to_no_end_is_no_reason_to_try_on() -> None:
    machine = booted(" rw", TryRoot=Look(("owners",), POSIX, "no answer within 30 s"))
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
    assert (text.count("Operation not supported"), text.count("Host is down")) == (2, 2)


def test_a_given_version_fails_as_it_is() -> None:
    machine = booted(",vers=3.0 panic=-1", MountShare=NO_SMB3)
    assert mounted(machine) == ["hard,vers=3.0,guest,ro"]
    assert "what failed: //server/share: Operation not supported" in machine.of(operations.Report)[0].text


def test_where_nothing_can_be_executed_no_init_is_tried() -> None:
    machine = booted(",noexec rw panic=-1", TryRoot=Look(("executing scripts",), (*BARE, "noexec")))
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
    assert mounted(machine) == [f"{NEW},hard,guest,ro"] * 2
    assert machine.of(operations.Unmount) == [operations.Unmount("/sysroot")]
    assert len(mounted(booted(" ro", TakeHostName=False))) == 1
    assert not booted(" rw").of(operations.TakeHostName)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/dev/root / auto defaults 0 0", "unix,nomapposix,nouser_xattr"),
        ("//server/share\t/\tcifs\trw,nouser_xattr,unix 0 0", "nomapposix"),
        ("//server/share / cifs unix,nomapposix,nouser_xattr 0 0", ""),
        ("# /dev/sda1 / ext4 defaults 0 1", ""),
        ("/dev/sda1 /home ext4 defaults 0 1\n/\n\n\xff", ""),
    ],
)
def test_what_a_remount_would_forget_is_told(line: str, said: str) -> None:
    """The real system remounts its root by fstab(5)'s line, and cifs takes the defaults for the rest."""
    asked = booted(",vers=1.0 rw", ReadAt=f"{line}\n".encode("latin1"), TryRoot=Look((), UNIX))
    assert operations.ReadAt("/sysroot/etc/fstab", 0, 65536) in asked.of(operations.ReadAt)
    hint = "write them into its line, or take the line away"
    assert asked.log(4) == ([f"root: a remount by /etc/fstab would forget {said}: {hint}"] if said else [])


# A server of oplocks alone, as cifs shows it.

DEBUG_DATA = b"Servers: \n1) ConnectionId: 0x1 Hostname: server \nServer capabilities: 0x%x\nTCP status: 1\n"
OPLOCKS, LEASES = (DEBUG_DATA % bits for bits in (0x30004C, 0x30004F))  # ksmbd's and Samba's


@pytest.mark.parametrize(
    ("data", "given", "then"),
    [
        (OPLOCKS, "vers=3.1.1", ["hard,vers=3.1.1", "hard,vers=3.1.1,nolease"]),
        (OPLOCKS, "vers=3.1.1,nolease", ["hard,vers=3.1.1,nolease"]),
        (OPLOCKS, "vers=1.0", ["unix,nomapposix,nouser_xattr,hard,vers=1.0"]),  # whose capabilities are others
        (LEASES, "vers=3.1.1", ["hard,vers=3.1.1"]),
        (DEBUG_DATA % 0x30004F + OPLOCKS, "vers=3.1.1", ["hard,vers=3.1.1"]),  # an older connection
        (b"Servers: <NONE>\n", "vers=3.1.1", ["hard,vers=3.1.1"]),
        (b"\nServer capabilities: 0x?", "vers=3.1.1", ["hard,vers=3.1.1"]),
        (StepError("/proc/fs/cifs/DebugData: No such file or directory"), "", [f"{NEW},hard"]),
    ],
)
def test_nothing_is_cached_where_the_server_has_no_leases(data: bytes | StepError, given: str, then: list[str]) -> None:
    machine = booted(f",{given} rw", ReadAt=data)
    assert [one.replace(",guest", "").removesuffix(",rw") for one in mounted(machine)] == then
    assert len(machine.of(operations.Unmount)) == len(then) - 1


def test_the_one_that_lacks_least_is_mounted_again_as_it_was() -> None:
    some, more = Look(("owners",), POSIX), Look(("owners", "symlinks"), BARE)
    machine = booted(" rw", MountShare=by_version(vers10=NO_SMB3), TryRoot=[some, more], ReadAt=OPLOCKS)
    assert mounted(machine)[-1] == f"{NEW},hard,guest,nolease,rw"
    assert len(mounted(machine)) == 6  # two with and without, one refused, one in the end
