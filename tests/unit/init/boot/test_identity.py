"""One machine of a shared root and the next: where their names go in a boot."""

from typing import Any

import pytest

from init import operations
from init.boot.identity import machine_id
from init.operations import StepError, WriteIdentity
from init.system.places import LOWER, SHARE_POINT, SYSROOT
from tests.machine import Machine, booted

PRODUCT = "4c4c4544-0043-4a10-8052-b4c04f595132"
NAMES = {"m": "52:54:00:12:34:56", "h": "kiosk", "i": "10.0.2.15", "u": PRODUCT}
ID = "6d6b696e697466730000525400123456"
SHARE = "root=/dev/cifs ip=dhcp rw"
CIFS = f"{SHARE} cifsroot=//server/share,username=anna,password=p"


def boot(words: str, answers: dict[type, Any] | None = None) -> Machine:
    return booted(words, {operations.MachineNames: NAMES, operations.MakeContainer: True} | (answers or {}))


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ({}, ID),
        ({"m": "80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:00:10:3b"}, "6d6b696e69746673" + "0002c9030000103b"),
        ({"m": ""}, PRODUCT.replace("-", "")),
        ({"m": "", "u": "00000000-0000-0000-0000-000000000000"}, ""),
        ({"m": "", "u": "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"}, ""),
        ({"m": "", "u": ""}, ""),
    ],
)
def test_machine_id(names: dict[str, str], wanted: str) -> None:
    assert machine_id(NAMES | names) == wanted


def test_names_in_the_path_of_a_container() -> None:
    machine = boot(f"{CIFS} loop=machines/%m.img")
    path = f"{SHARE_POINT}/machines/52-54-00-12-34-56.img"
    assert [one.path for one in machine.of(operations.AttachLoop)] == [path]
    assert [one.path for one in machine.of(operations.TakeContainerLease)] == [path]


@pytest.mark.parametrize("words", ["loop=a.img", "rootflags=vers=1.0", "rootflags=vers=1.0 overlay=tmpfs"])
def test_names_in_the_folder_of_a_share(words: str) -> None:
    line = f"{SHARE} cifsroot=//server/50%25/%h/%u,username=anna,password=p%i {words}"
    (mount,) = boot(line).of(operations.MountShare)
    assert (mount.unc, mount.password) == (f"//server/50%25/kiosk/{PRODUCT}", "p%i")


def test_a_name_that_is_not_known() -> None:
    answers: dict[type, Any] = {operations.MachineNames: NAMES | {"h": ""}}
    for words in (f"{CIFS} loop=%h.img", f"{SHARE} cifsroot=//s/share/%h,guest loop=a"):
        report = boot(f"{words} panic=-1", answers).of(operations.Report)[0].text
        assert "nothing is known for %h" in report


def test_a_shared_root_is_told_who_it_is_once_it_can_be_written() -> None:
    for words in ("overlay=tmpfs", "overlay=%m.img"):
        machine = boot(f"{CIFS} loop=root.img {words}")
        assert machine.of(WriteIdentity) == [WriteIdentity(SYSROOT, "kiosk", ID)]
        names = machine.names()
        assert names.index("WriteIdentity") > max(at for at, name in enumerate(names) if name == "Mount")
        assert f"overlay: this machine is kiosk, {ID}" in machine.log()
        assert machine.of(operations.Mount)[-1].options.startswith(f"rw,lowerdir={LOWER}")


@pytest.mark.parametrize("words", ["", "overlay=tmpfs rd.hostname=keep"])
def test_a_root_of_ones_own_knows_itself(words: str) -> None:
    assert boot(f"{CIFS} loop=root.img {words}").of(WriteIdentity) == []


def test_nothing_known_is_nothing_written() -> None:
    names = {"m": "", "h": "", "i": "", "u": ""}
    assert boot(f"{CIFS} loop=a overlay=tmpfs", {operations.MachineNames: names}).of(WriteIdentity) == []


def test_what_cannot_be_written_fails_no_boot() -> None:
    machine = boot(f"{CIFS} loop=a overlay=tmpfs", {WriteIdentity: StepError("no space left")})
    assert "overlay: no space left" in machine.log()
    assert machine.names()[-1] == "Supervise"
