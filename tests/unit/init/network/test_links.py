"""Which of the kernel's links is which device."""

import pytest

from init.network.links import same_device
from init.network.state import Interface, NetworkError
from tests.unit.init.network.samples import LINK


def test_the_same_device_is_found_though_renamed_or_below_a_bridge() -> None:
    bridge = LINK._replace(number=5, name="br0", kind="bridge")
    renamed = LINK._replace(name="ens3")
    other = LINK._replace(number=9, name="eth0", mac="52:54:00:00:00:09")
    recorded = Interface("eth0", LINK.mac, "static", "1.2.3.4", 8)
    assert same_device(recorded, [other, bridge, renamed]) == renamed
    assert same_device(recorded._replace(mac="00:00:00:00:00:01"), [bridge, other]) == other
    with pytest.raises(NetworkError, match="is gone"):
        same_device(recorded._replace(device="eth3", mac="00:00:00:00:00:01"), [bridge, other])
