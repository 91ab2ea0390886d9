"""What a lease takes from a packet's options, and which of them cannot be right."""

import pytest

from init.wire.dhcp_options import Route
from init.wire.exchange import Outcome
from tests import dhcp_wire as wire
from tests.dhcp_wire import ACK, OFFER
from tests.unit.init.wire.test_dhcp import bound, new, only, refused


def test_a_field_that_cannot_be_right_makes_the_packet_invalid() -> None:
    client = new()
    xid = wire.xid_of(only(client))
    for area, reason in (
        (b"\x35\x01", "option 53 runs past the end of its field"),
        (b"\x35", "option 53 runs past the end of its field"),
        (b"\x34\x01\x04\xff", "overload (option 52) is none of 1, 2, 3"),
        (b"\x34\x02\x01\x01\xff", "overload (option 52) is none of 1, 2, 3"),
    ):
        refused(client, wire.frame(wire.payload(xid, wire.COOKIE + area)), "dropped", reason)
    looped = wire.payload(xid, wire.COOKIE + b"\x34\x01\x01\xff", file=b"\x34\x01\x01\xff")
    refused(client, wire.frame(looped), "dropped", "overload (option 52) within an overloaded field")


def test_options_of_a_lease() -> None:
    lease = bound(
        wire.HOUR, (1, b"\xff\xff\xff\x80"), (3, bytes((10, 0, 0, 2, 10, 0, 0, 3))),
        (6, bytes((1, 1, 1, 1, 1, 1, 1, 1, 8, 8, 8, 8))), (12, b"box\0"), (15, b"lab.example."),
        (17, b"10.0.0.1:/srv/root"), (26, (1400).to_bytes(2, "big")), (40, b"nis"), (42, bytes((10, 0, 0, 4))),
        (119, b"\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04"),
    ).lease  # fmt: skip
    assert lease
    assert (lease.prefix, lease.gateways, lease.dns) == (25, ("10.0.0.2", "10.0.0.3"), ("1.1.1.1", "8.8.8.8"))
    assert (lease.hostname, lease.domain, lease.nis_domain) == ("box", "lab.example", "nis")
    assert (lease.root_path, lease.mtu, lease.ntp) == ("10.0.0.1:/srv/root", 1400, ("10.0.0.4",))
    assert lease.search == ("eng.apple.com", "marketing.apple.com")  # the example of RFC 3397
    assert lease.ignored == ()


def test_static_routes_replace_the_router() -> None:
    routes = b"\x18\x0a\x01\x02\x0a\x00\x00\x05" + b"\x00\x0a\x00\x00\x06" + b"\x10\xc0\xa8\x00\x00\x00\x00"
    lease = bound(wire.HOUR, (3, bytes((10, 0, 0, 2))), (121, routes)).lease
    assert lease and lease.gateways == ("10.0.0.6",)
    assert lease.routes == (Route("10.1.2.0", 24, "10.0.0.5"), Route("192.168.0.0", 16, ""))


def test_a_long_option_in_pieces_and_in_overloaded_fields_is_one() -> None:
    client = new()
    for kind, outcome in ((OFFER, "offer"), (ACK, "ack")):
        area = wire.options([(53, bytes((kind,))), (54, wire.SERVER), (52, b"\x03"), (17, b"/a")])
        body = wire.payload(wire.xid_of(only(client)), area, file=b"\x11\x02/b\xff", sname=b"\x11\x02/c\xff")
        assert client.receive(wire.frame(body), 100.0) == Outcome(outcome)
    assert client.lease and client.lease.root_path == "/a/b/c"


def test_an_option_of_fixed_length_that_is_told_twice_counts_once() -> None:
    """As dnsmasq tells them with `dhcp-option=54,`; a copy of another length is passed over."""
    client = new()
    twice = [(1, b"\xff\xff\xff\0"), (26, b"\x05\x78"), (54, wire.SERVER), (58, bytes((0, 0, 2, 0)))]
    for kind, outcome in ((OFFER, "offer"), (ACK, "ack")):
        told = [(53, bytes((kind,))), (53, bytes((kind,))), (54, b""), *twice, *twice, wire.HOUR, (51, bytes(4))]
        area = wire.options([*told, (59, b"\0"), (59, bytes((0, 0, 12, 0)))])
        assert client.receive(wire.frame(wire.payload(wire.xid_of(only(client)), area)), 100.0) == Outcome(outcome)
    lease = client.lease
    assert lease and (lease.prefix, lease.mtu, lease.server, lease.ignored) == (24, 1400, "10.0.0.1", ())
    assert (lease.seconds, lease.renew_after, lease.rebind_after) == (3600, 512.0, 3072.0)


def test_text_that_is_told_twice_counts_once() -> None:
    lease = bound(wire.HOUR, *[(12, b"wall"), (15, b"lab.example")] * 2, *[(119, b"\3eng\3lab\0\1x\xc0\4")] * 2).lease
    assert lease and (lease.hostname, lease.domain) == ("wall", "lab.example")
    assert (lease.search, lease.ignored) == (("eng.lab", "x.lab"), ())


def test_the_good_entries_of_a_list_are_kept() -> None:
    dns = bytes((10, 44, 0, 1)) + bytes(4) + b"\xff" * 4 + bytes((10, 44, 0, 2))
    bad_route = b"\x18\x0a\x02\x02\x7f\0\0\1"
    routes = b"\x18\x0a\x01\x02\x0a\0\0\5" + bad_route + b"\x10\xc0\xa8\0\0\0\0" + b"\0\x0a\0\0\6"
    search = b"\3eng\3lab\0\3e g\0\0\2ok\xc0\4\x05cut"
    lists = ((3, dns[:8]), (6, dns), (42, dns + b"x"), (119, search))
    lease = bound(wire.HOUR, *lists).lease
    assert lease and (lease.gateways, lease.dns) == (("10.44.0.1",), ("10.44.0.1", "10.44.0.2"))
    assert (lease.ntp, lease.search) == (lease.dns, ("eng.lab", "ok.lab"))
    no_host = "0.0.0.0 is not a machine's address"
    assert lease.ignored == (
        f"option 3 (gateways): {no_host}",
        f"option 6 (dns): {no_host}; 255.255.255.255 is not a machine's address",
        f"option 42 (ntp): {no_host}; 255.255.255.255 is not a machine's address; the last address is cut short",
        "option 119 (search): not a host or domain name; a name without end",
    )
    lease = bound(wire.HOUR, *lists[:1], (121, routes)).lease
    assert lease and lease.routes == (Route("10.1.2.0", 24, "10.0.0.5"), Route("192.168.0.0", 16, ""))
    assert lease.gateways == ("10.0.0.6",)
    assert lease.ignored[1:] == ("option 121 (routes): 10.2.2.0/24: 127.0.0.1 is no gateway",)


def test_several_domains_in_the_place_of_one() -> None:
    several = (15, b"lab.example $(x) eng.example\0")
    lease = bound(wire.HOUR, several).lease
    assert lease and (lease.domain, lease.search) == ("lab.example", ("lab.example", "eng.example"))
    assert lease.ignored == ("option 15 (domain): not a host or domain name",)
    lease = bound(wire.HOUR, several, (119, b"\3net\0")).lease
    assert lease and (lease.domain, lease.search) == ("lab.example", ("net",))


def test_the_router_counts_where_the_default_route_may_have_been_left_out() -> None:
    route = b"\x18\x0a\x01\x02\x0a\0\0\5"
    for routes, gateways in ((route, ()), (route + b"\0\x7f\0\0\1", ("10.0.0.2",)), (b"\0\x7f\0\0\1", ("10.0.0.2",))):
        lease = bound(wire.HOUR, (3, bytes((10, 0, 0, 2))), (121, routes)).lease
        assert lease and lease.gateways == gateways


def test_many_reasons_are_told_in_short() -> None:
    lease = bound(wire.HOUR, (6, b"".join(bytes((0, 0, 0, number)) for number in range(60)))).lease
    assert lease and lease.dns == ()
    assert lease.ignored[0].endswith("; 0.0.0.3 is not a machine's address; 56 more")


@pytest.mark.parametrize(
    ("code", "value"),
    [
        (1, b"\xff\x00\xff\x00"), (1, b"\xff"),
        (3, b"\x7f\0\0\1"), (3, b"\x0a\0\0"),
        (6, b""),
        (12, b"$(reboot)"), (12, b"a b"),
        (15, b"a..b"), (15, b"x" * 64), (15, b"-a"), (15, b""),
        (17, b"/a\n/b"), (17, b"\xff\xfe"),
        (26, b"\0\x44"), (26, b"\x05"),
        (42, b"\xff" * 4),
        (51, b"\0"),
        (119, b"\x03abc"), (119, b"\xc0\x00"), (119, b"\x01a\xc0\x00"), (119, b"\x40"), (119, b"\x01\n\x00"),
        (121, b"\x21\1\1\1\1\1\1\1\1"), (121, b"\x18\x0a"), (121, b""), (121, b"\x00\x7f\0\0\1"),
    ],
)  # fmt: skip
def test_an_option_that_cannot_be_right_is_left_out_and_named(code: int, value: bytes) -> None:
    lease = bound(*([] if code == 51 else [wire.HOUR]), (code, value)).lease
    assert lease
    (ignored,) = lease.ignored
    assert ignored.startswith(f"option {code} (")
