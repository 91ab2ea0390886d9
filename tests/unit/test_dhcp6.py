"""The DHCPv6 client's states and times on a clock of the test's own, against packets written from RFC 8415."""

import itertools
import struct

import pytest

from init import dhcp6, ip6, options6
from init.dhcp6 import INFORMING, REQUESTING, SOLICITING, Client
from init.exchange import BOUND, Outcome
from init.options6 import option

MAC = bytes.fromhex("525400123456")
SERVER, OTHER = b"\0\3\0\1server", b"\0\3\0\1other!"
ADDRESS = "2001:db8::50"


def asked(client: Client) -> tuple[int, bytes, dict[int, bytes]]:
    """The one message that the client has ready: type, transaction id, options."""
    (payload,) = client.outgoing()
    return payload[0], payload[1:4], options6.split(payload[4:])


def ia(address: str = ADDRESS, preferred: int = 300, valid: int = 600, inner: bytes = b"") -> bytes:
    """IA_NA with one address."""
    body = (ip6.packed(address) or b"") + struct.pack("!II", preferred, valid)
    return option(options6.IA_NA, MAC[2:6] + bytes(8) + option(options6.IA_ADDRESS, body + inner))


def answer(kind: int, xid: bytes, *options: bytes, server: bytes = SERVER, mac: bytes = MAC) -> bytes:
    head = option(options6.CLIENT_ID, options6.duid(mac)) + (option(options6.SERVER_ID, server) if server else b"")
    return bytes((kind,)) + xid + head + b"".join(options)


def test_four_messages() -> None:
    client = Client(MAC, 7, 0.0)
    kind, xid, told = asked(client)
    assert kind == dhcp6.SOLICIT
    assert told[options6.CLIENT_ID] == b"\0\3\0\1" + MAC
    assert told[options6.IA_NA] == MAC[2:6] + bytes(8)
    assert {options6.ELAPSED, options6.RAPID_COMMIT, options6.WANTED} < told.keys()
    assert client.receive(answer(dhcp6.ADVERTISE, xid, ia()), 0.1) == Outcome("offer")
    # Another server, better liked, until the first second is over; then the choice is made.
    liked = answer(dhcp6.ADVERTISE, xid, ia("2001:db8::77"), option(options6.PREFERENCE, b"\5"), server=OTHER)
    assert client.receive(liked, 0.2) == Outcome("offer")
    assert (client.state, client.outgoing()) == (SOLICITING, ())
    assert 1.0 <= client.deadline() <= 1.1
    asked_at = client.deadline()
    client.tick(asked_at)
    kind, again, told = asked(client)
    assert (kind, client.state) == (dhcp6.REQUEST, REQUESTING)
    assert again != xid
    assert told[options6.SERVER_ID] == OTHER
    assert (ip6.packed("2001:db8::77") or b"") in told[options6.IA_NA]
    assert client.receive(answer(dhcp6.REPLY, again, ia()), 1.3).reason == "reply by another server"
    given = answer(
        dhcp6.REPLY, again, ia("2001:db8::77"), option(options6.DNS, ip6.packed("2001:db8::3") or b""),
        option(options6.DOMAINS, b"\3lab\0"), option(options6.TIME_SERVERS, b"short"), server=OTHER,
    )  # fmt: skip
    assert client.receive(given, 1.4) == Outcome("ack")
    assert client.lease == options6.Lease6(
        "2001:db8::77", OTHER, 0, 600, 300, 150.0, 240.0, ("2001:db8::3",), ("lab",), (), obtained=asked_at
    )
    assert (client.state, client.deadline()) == (BOUND, asked_at + 150)  # half of the preferred lifetime
    assert client.receive(given, 1.5).kind == "ignored"


def test_the_highest_preference_and_a_late_offer_are_taken_at_once() -> None:
    client = Client(MAC, 7, 0.0)
    _, xid, _ = asked(client)
    client.receive(answer(dhcp6.ADVERTISE, xid, ia(), option(options6.PREFERENCE, b"\xff")), 0.1)
    assert client.state == REQUESTING
    client = Client(MAC, 7, 0.0)
    asked(client)
    client.tick(client.deadline())
    _, xid, _ = asked(client)
    client.receive(answer(dhcp6.ADVERTISE, xid, ia()), 1.5)
    assert client.state == REQUESTING


def test_two_messages() -> None:
    client = Client(MAC, 7, 0.0)
    _, xid, _ = asked(client)
    assert client.receive(answer(dhcp6.REPLY, xid, ia()), 0.1).kind == "ignored"  # no rapid commit
    rapid = option(options6.RAPID_COMMIT)
    endless = ia(preferred=0xFFFFFFFF, valid=0xFFFFFFFF)
    assert client.receive(answer(dhcp6.REPLY, xid, endless, rapid), 0.1) == Outcome("ack")
    assert client.lease == options6.Lease6(ADDRESS, SERVER)


def test_without_an_address() -> None:
    client = Client(MAC, 7, 0.0, stateless=True)
    kind, xid, told = asked(client)
    assert (kind, client.state) == (dhcp6.INFORMATION_REQUEST, INFORMING)
    assert options6.IA_NA not in told
    reply = answer(dhcp6.REPLY, xid, option(options6.DNS, ip6.packed("2001:db8::3") or b""))
    assert client.receive(reply, 0.1) == Outcome("ack")
    assert client.lease == options6.Lease6("", SERVER, dns=("2001:db8::3",))


def test_silence_is_asked_again_ever_more_rarely() -> None:
    client = Client(MAC, 7, 0.0)
    times: list[float] = []
    xids = set()
    for _ in range(6):
        _, xid, told = asked(client)
        xids.add(xid)
        assert told[options6.ELAPSED] == min(int((times[-1] if times else 0) * 100), 0xFFFF).to_bytes(2, "big")
        times.append(client.deadline())
        client.tick(times[-1] - 0.01)
        assert client.outgoing() == ()
        client.tick(times[-1])
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert all(1.9 * a <= b <= 2.1 * a for a, b in itertools.pairwise(waits))
    assert len(xids) == 1


def test_a_server_that_falls_silent_is_left() -> None:
    client = Client(MAC, 7, 0.0)
    _, xid, _ = asked(client)
    client.receive(answer(dhcp6.ADVERTISE, xid, ia(), option(options6.PREFERENCE, b"\xff")), 0.1)
    for _ in range(dhcp6.REQUEST_ATTEMPTS):
        assert asked(client)[0] == dhcp6.REQUEST
        client.tick(client.deadline())
    assert client.state == SOLICITING
    assert asked(client)[0] == dhcp6.SOLICIT


def test_a_refusal_is_told_and_asked_again_later() -> None:
    client = Client(MAC, 7, 0.0)
    _, xid, _ = asked(client)
    client.receive(answer(dhcp6.ADVERTISE, xid, ia(), option(options6.PREFERENCE, b"\xff")), 0.1)
    _, xid, _ = asked(client)
    refusal = answer(dhcp6.REPLY, xid, option(options6.STATUS, b"\0\2all gone"))
    assert client.receive(refusal, 0.2) == Outcome("nak", "status 2: all gone")
    assert (client.state, client.outgoing()) == (SOLICITING, ())
    assert client.deadline() >= 1.2
    client.tick(client.deadline())
    assert asked(client)[0] == dhcp6.SOLICIT


def test_an_address_that_is_taken_is_declined() -> None:
    client = Client(MAC, 7, 0.0)
    _, xid, _ = asked(client)
    client.receive(answer(dhcp6.REPLY, xid, ia(), option(options6.RAPID_COMMIT)), 0.1)
    client.taken(1.0)
    decline, solicit = client.outgoing()
    told = options6.split(decline[4:])
    assert (decline[0], solicit[0]) == (dhcp6.DECLINE, dhcp6.SOLICIT)
    assert (told[options6.SERVER_ID], client.lease) == (SERVER, None)
    assert (ip6.packed(ADDRESS) or b"") in told[options6.IA_NA]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (answer(dhcp6.ADVERTISE, b"xid"), "no address (IA_NA)"),
        (answer(dhcp6.ADVERTISE, b"xid", ia(), server=b""), "no server identifier"),
        (answer(dhcp6.ADVERTISE, b"xid", ia("ff02::1")), "the address given is not the address of a machine"),
        (answer(dhcp6.ADVERTISE, b"xid", ia("fe80::1")), "the address given is not the address of a machine"),
        (answer(dhcp6.ADVERTISE, b"xid", ia(valid=0, preferred=0)), "the address given is valid for no time"),
        (answer(dhcp6.ADVERTISE, b"xid", ia(preferred=601)), "the address given is valid for no time"),
        (answer(dhcp6.ADVERTISE, b"xid", option(options6.IA_NA, b"mine" + bytes(8))), "no address (IA_NA)"),
        (answer(dhcp6.ADVERTISE, b"xid", option(options6.IA_NA, MAC[2:6] + bytes(8))), "no address (IAADDR)"),
        (
            answer(dhcp6.ADVERTISE, b"xid", ia(inner=option(options6.STATUS, b"\0\4off\n link"))),
            "status 4: off link",
        ),
        (answer(dhcp6.ADVERTISE, b"xid") + b"\0", "an option is cut short"),
        (answer(dhcp6.ADVERTISE, b"xid") + b"\0\3\0\1", "option 3 runs past the end of its field"),
    ],
)
def test_what_is_dropped(payload: bytes, reason: str) -> None:
    client = Client(MAC, 7, 0.0)
    _, xid, _ = asked(client)
    assert client.receive(payload[:1] + xid + payload[4:], 0.1) == Outcome("dropped", reason)
    assert client.state == SOLICITING


def test_what_is_not_for_us() -> None:
    client = Client(MAC, 7, 0.0)
    _, xid, _ = asked(client)
    for payload in (
        b"", b"\2", answer(dhcp6.ADVERTISE, b"no!", ia()), answer(dhcp6.SOLICIT, xid, ia()),
        answer(dhcp6.ADVERTISE, xid, ia(), mac=bytes(6)),
    ):  # fmt: skip
        assert client.receive(payload, 0.1).kind == "ignored"
