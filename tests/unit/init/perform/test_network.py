"""The names that a machine has from the network and from its root."""

import os
from pathlib import Path

import pytest

from init.network.state import Interface, Network
from init.operations import TakeHostName
from init.perform.network import machine_names, take_host_name
from tests.unit.files import put


def test_the_first_interface_names_the_machine() -> None:
    first = Interface("eth0", "52:54:00:12:34:56", "dhcp", "10.0.2.15", 24, hostname="box")
    second = Interface("eth1", "52:54:00:12:34:57", "dhcp", "10.0.3.15", 24)
    names = {"m": "52:54:00:12:34:56", "h": "box", "i": "10.0.2.15"}
    assert machine_names(Network((first, second))) == names
    assert machine_names(Network(())) == {"m": "", "h": "", "i": ""}


@pytest.mark.parametrize("text", [None, "", "# a comment\n\n", f"  # a comment\n {os.uname().nodename} \nanother\n"])
def test_a_root_without_another_name_changes_nothing(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        put(tmp_path / "etc/hostname", text)
    assert take_host_name(TakeHostName(str(tmp_path))) is False
