"""Devices as a server, the command line and a router have configured them."""

from init.cmdline.ip_request import Request
from init.network import state
from init.network.state import Interface, Made
from init.wire import netlink
from init.wire.dhcp_options import Lease, Route

LINK = netlink.Link(2, "eth0", "52:54:00:12:34:56", 1, 0x10043, 1500)
LEASE = Lease(
    "dhcp", "10.0.2.15", "10.0.2.2", bytes.fromhex("525400123502"), 5.0, 24, boot_server="10.0.2.4",
    gateways=("10.0.2.2", "10.0.2.9"), routes=(Route("10.7.0.0", 16, "10.0.2.7"), Route("10.8.0.0", 16, "")),
    dns=("10.0.2.3", "1.1.1.1", "8.8.8.8", "9.9.9.9"), ntp=("10.0.2.5",), hostname="box.lab", domain="lab.example",
    search=("eng.lab.example", "lab.example"), nis_domain="nis", root_path="/it's", mtu=1400, seconds=600,
)  # fmt: skip
LEASED = state.leased(Request(), LINK, LEASE)
STATIC = state.static(Request(client="192.168.7.5", gateway="192.168.7.1", hostname="wall"), LINK)
SIX = Interface("eth0", LINK.mac, "auto6", "2001:db8::5", 64, "fe80::1", dns=("fe80::1%eth0",), search=("lab",))
MADE = (Made("bond", "b:eth0,eth1:mode=1", (LINK.mac, "")), Made("vlan", "b.5:b", ("",)))
