"""The names that a machine has, and what a root that many share is told of them."""

import os
from pathlib import Path

import pytest

from init.network.state import Interface, Network
from init.operations import TakeHostName, WriteIdentity
from init.perform import identity
from init.system.files import read_text
from init.system.places import PRODUCT_UUID
from tests.unit.files import put

ID = "6d6b696e697466730000525400123456"
OURS = "127.0.1.1\tkiosk\t# this machine, written by mkinitfs\n"


def test_the_first_interface_names_the_machine() -> None:
    first = Interface("eth0", "52:54:00:12:34:56", "dhcp", "10.0.2.15", 24, hostname="box")
    second = Interface("eth1", "52:54:00:12:34:57", "dhcp", "10.0.3.15", 24)
    product = {"u": read_text(PRODUCT_UUID).strip().lower()}
    names = {"m": "52:54:00:12:34:56", "h": "box", "i": "10.0.2.15"}
    assert identity.names(Network((first, second))) == names | product
    assert identity.names(Network(())) == {"m": "", "h": "", "i": ""} | product


@pytest.mark.parametrize("text", [None, "", "# a comment\n\n", f"  # a comment\n {os.uname().nodename} \nanother\n"])
def test_a_root_without_another_name_changes_nothing(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        put(tmp_path / "etc/hostname", text)
    assert identity.take_host_name(TakeHostName(str(tmp_path))) is False


def files(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in sorted(root.rglob("*")) if path.is_file()}


def test_a_root_is_told_who_it_is(tmp_path: Path) -> None:
    put(tmp_path / "etc/hostname", "image\n")
    put(tmp_path / "etc/hosts", "127.0.0.1 localhost image")
    put(tmp_path / "etc/machine-id", "uninitialized\n")
    put(tmp_path / "var/lib/dbus/machine-id", "0123\n")
    for _ in range(2):
        identity.write(WriteIdentity(str(tmp_path), "kiosk", ID))
        assert files(tmp_path) == {
            "etc/hostname": "kiosk\n",
            "etc/hosts": f"127.0.0.1 localhost image\n{OURS}",
            "etc/machine-id": f"{ID}\n",
            "var/lib/dbus/machine-id": f"{ID}\n",
        }
    assert (tmp_path / "etc/machine-id").stat().st_mode & 0o777 == 0o444
    assert (tmp_path / "etc/hostname").stat().st_mode & 0o777 == 0o644


def test_what_is_there_need_not_be_utf_8(tmp_path: Path) -> None:
    put(tmp_path / "etc/hosts", "")
    (tmp_path / "etc/hosts").write_bytes(b"10.0.0.9 drucker # B\xfcro\n")
    identity.write(WriteIdentity(str(tmp_path), "kiosk", ""))
    assert (tmp_path / "etc/hosts").read_bytes() == b"10.0.0.9 drucker # B\xfcro\n" + OURS.encode()


def test_a_name_alone_and_an_id_alone(tmp_path: Path) -> None:
    put(tmp_path / "etc/hostname", "image\n")
    identity.write(WriteIdentity(str(tmp_path), "", ID))
    assert files(tmp_path) == {"etc/hostname": "image\n", "etc/machine-id": f"{ID}\n"}
    identity.write(WriteIdentity(str(tmp_path), "kiosk", ""))
    assert files(tmp_path) == {"etc/hostname": "kiosk\n", "etc/hosts": OURS, "etc/machine-id": f"{ID}\n"}


def test_the_places_of_other_inits(tmp_path: Path) -> None:
    """Only those that are there: Slackware's, OpenRC's, Red Hat's."""
    put(tmp_path / "etc/HOSTNAME", "darkstar.example.net\n")
    put(tmp_path / "etc/conf.d/hostname", "# the name\nhostname=localhost\n# hostname=x\n")
    put(tmp_path / "etc/sysconfig/network", 'NETWORKING=yes\nHOSTNAME="image"')
    identity.write(WriteIdentity(str(tmp_path), "kiosk", ""))
    assert files(tmp_path) == {
        "etc/HOSTNAME": "kiosk\n",
        "etc/conf.d/hostname": '# the name\nhostname="kiosk"\n# hostname=x\n',
        "etc/hostname": "kiosk\n",
        "etc/hosts": OURS,
        "etc/sysconfig/network": 'NETWORKING=yes\nHOSTNAME="kiosk"\n',
    }


def test_links_of_the_root_lead_nowhere_else(tmp_path: Path) -> None:
    """/etc/hostname -> /persist/hostname is a path of the real system's, not of this one's."""
    outside = tmp_path / "outside"
    put(outside, "untouched\n")
    root = tmp_path / "root"
    for name in ("hostname", "hosts", "machine-id", "hostname.mkinitfs"):
        (root / "etc").mkdir(parents=True, exist_ok=True)
        (root / "etc" / name).symlink_to(outside)
    with pytest.raises(OSError, match="symbolic links"):
        identity.write(WriteIdentity(str(root), "kiosk", ID))
    (root / "etc/hostname.mkinitfs").unlink()
    identity.write(WriteIdentity(str(root), "kiosk", ID))
    with pytest.raises(OSError, match="might lead out"):
        (tmp_path / "other").mkdir()
        (tmp_path / "other/etc").symlink_to(root / "etc")
        identity.write(WriteIdentity(str(tmp_path / "other"), "another", ID))
    assert (root / "etc/hostname").read_text() == "kiosk\n"
    assert outside.read_text() == "untouched\n"
    assert not (root / "etc/hostname").is_symlink()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("127.0.0.1 kiosk\n", "127.0.0.1 kiosk\n"), ("", OURS), (f"::1 a\n{OURS}", f"::1 a\n{OURS}"),
        ("1.2.3.4 a # kiosk\n", f"1.2.3.4 a # kiosk\n{OURS}"), (f"127.0.1.1 kiosk\n{OURS}", "127.0.1.1 kiosk\n"),
        (f"{OURS.replace('kiosk', 'before')}::1 a\n", f"::1 a\n{OURS}"),
        ("1.2.3.4 kiosk2\n", f"1.2.3.4 kiosk2\n{OURS}"),
    ],
)  # fmt: skip
def test_hosts(text: str, wanted: str) -> None:
    assert identity.hosts(text, "kiosk") == wanted
