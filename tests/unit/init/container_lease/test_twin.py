"""Whether the machine of a record answers, asked of this machine's own loopback."""

from pathlib import Path

import pytest

from init.container_lease import twin
from init.container_lease.record import Record

US = Record(addresses="10.0.0.8 127.0.0.1")
ARP = """\
IP address       HW type     Flags       HW address            Mask     Device
10.0.0.7         0x1         0x2         52:54:00:00:00:0a     *        eth0
10.0.0.9         0x1         0x0         00:00:00:00:00:00     *        eth0
"""


@pytest.mark.parametrize(
    ("addresses", "answers"),
    [
        ("127.0.0.2", True),
        ("0.0.0.1 127.0.0.3", True),
        ("10.0.0.8 127.0.0.1", False),  # its addresses are ours now: nobody else has them
        ("", False),
        ("no address", False),
        ("localhost 127.2", False),  # which a socket would look up
        ("é.. : ::1%lo ::1/128", False),
    ],
)
def test_who_answers(addresses: str, answers: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twin, "_LONGEST", 0.2)
    assert twin.answers(Record(addresses=addresses), US, str(tmp_path)) is answers


def test_on_the_same_network_it_is_known_by_its_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A firewall does not drop ARP; and an address may be another machine's by now."""
    monkeypatch.setattr(twin, "_LONGEST", 0.1)
    (tmp_path / "net").mkdir()
    (tmp_path / "net/arp").write_text(ARP.replace("10.0.0.7", "127.0.0.7"))
    record = Record(addresses="127.0.0.7", macs="52:54:00:00:00:0a")
    assert twin.answers(record, US, str(tmp_path))
    assert not twin.answers(record._replace(macs="52:54:00:00:00:0b"), US, str(tmp_path))
    assert [twin.neighbour(f"10.0.0.{last}", ARP) for last in (7, 9, 70)] == ["52:54:00:00:00:0a", "", ""]
    assert twin.neighbour("10.0.0.7", "") == ""
