"""Nothing that comes by IPv6, from whomever, brings its readers to fall."""

import contextlib
import struct

from hypothesis import given
from hypothesis import strategies as st

from init.cmdline.ip import parse
from init.cmdline.ip_request import GrammarError
from init.wire import dhcp6, dhcp6_options, domain_names, ip6, netlink, netlink6
from tests.unit.init.wire.test_dhcp6 import MAC, answer, asked, ia

blobs = st.binary(max_size=80)
codes = st.sampled_from([1, 2, 3, 5, 7, 13, 14, 23, 24, 31]) | st.integers(0, 65535)
option_lists = st.lists(st.builds(dhcp6_options.option, codes, blobs | st.just(ia()[4:])), max_size=6)


answer_lists = st.lists(st.tuples(st.sampled_from([2, 7]) | st.integers(0, 255), option_lists, blobs), max_size=4)
name_lists = st.lists(st.lists(st.text("abz09_", min_size=1, max_size=20), min_size=1, max_size=4).map(".".join))


@given(answer_lists, st.booleans())
def test_a_client_never_falls_and_takes_only_addresses_of_machines(
    answers: list[tuple[int, list[bytes], bytes]], stateless: bool
) -> None:
    client = dhcp6.Client(MAC, 1, 0.0, stateless=stateless)
    _, xid, _ = asked(client)
    for kind, options, rest in answers:
        outcome = client.receive(answer(kind, xid, *options) + rest, 0.5)
        assert outcome.kind in ("offer", "ack", "nak", "dropped", "ignored")
        client.tick(client.deadline() if client.deadline() < 1e9 else 0.0)
        for payload in client.outgoing():
            xid = payload[1:4]
            dhcp6_options.split(payload[4:])
    if client.lease and client.lease.address:
        assert ip6.is_host(ip6.packed(client.lease.address) or b"")


@given(st.lists(st.tuples(st.integers(0, 65535), blobs), max_size=5, unique_by=lambda pair: pair[0]))
def test_options_read_back(pairs: list[tuple[int, bytes]]) -> None:
    assert dhcp6_options.split(b"".join(dhcp6_options.option(*pair) for pair in pairs)) == dict(pairs)


@given(name_lists)
def test_names_read_back(names: list[str]) -> None:
    wire = (b"".join(bytes((len(label),)) + label.encode() for label in name.split(".")) + b"\0" for name in names)
    assert domain_names.names(b"".join(wire)) == tuple(dict.fromkeys(names))


@given(blobs)
def test_names_are_names(value: bytes) -> None:
    for name in domain_names.names(value):
        assert name.isascii()
        assert name.isprintable()
        assert not set(name) & set(" '\"$`;%/\\")


@given(st.integers(0, 65535), blobs, blobs)
def test_what_routers_tell(length: int, options: bytes, rest: bytes) -> None:
    head = struct.pack("=BxHiBBHI", 10, length, 3, 134, 0, 0, 0)
    told = netlink6.told(netlink.Message(netlink6.RTM_NEWNDUSEROPT, 0, 0, head + options + rest))
    assert told
    assert told.link == 3
    assert all(ip6.is_host(ip6.packed(server) or b"") for server in told.dns)


@given(blobs)
def test_messages_only_raise_their_own_error(body: bytes) -> None:
    message = netlink.Message(0, 0, 0, body)
    for read in (netlink6.told, netlink6.address, netlink6.gateway, netlink6.router_flags):
        with contextlib.suppress(netlink.NetlinkError):
            read(message)


@given(st.text(alphabet="0123456789.:,dhcpauto6[]x/ \udc80", max_size=40), st.sampled_from(["", ":auto6", "[fd00::1]"]))
def test_only_grammar_errors(value: str, more: str) -> None:
    with contextlib.suppress(GrammarError):
        assert parse([value + more])
