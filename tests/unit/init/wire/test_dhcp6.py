"""The DHCPv6 client's states and times on a clock of the test's own, against packets written from RFC 8415."""

import itertools
import struct

import pytest

from init.wire import dhcp6, ip6
from init.wire import dhcp6_options as options
from init.wire.dhcp6 import INFORMING, RELEASED, RELEASING, REQUESTING, SOLICITING, Client
from init.wire.dhcp6_options import Lease6, option
from init.wire.ethernet import PacketError
from init.wire.exchange import BOUND, FOREVER, REBINDING, RENEWING, Outcome

MAC = bytes.fromhex("525400123456")
SERVER, OTHER = b"\0\3\0\1server", b"\0\3\0\1other!"
ADDRESS = "2001:db8::50"


def asked(client: Client) -> tuple[int, bytes, dict[int, bytes]]:
    """The one message that the client has ready: type, transaction id, options."""
    (payload,) = client.outgoing()
    return payload[0], payload[1:4], options.split(payload[4:])


def association(body: bytes, times: tuple[int, int] = (0, 0)) -> bytes:
    """IA_NA, its T1 and T2 in seconds."""
    return option(options.IA_NA, MAC[2:6] + struct.pack("!II", *times) + body)


def ia(
    address: str = ADDRESS, preferred: int = 300, valid: int = 600, inner: bytes = b"", times: tuple[int, int] = (0, 0)
) -> bytes:
    """IA_NA with one address."""
    body = (ip6.packed(address) or b"") + struct.pack("!II", preferred, valid)
    return association(option(options.IA_ADDRESS, body + inner), times)


def answer(kind: int, xid: bytes, *given: bytes, server: bytes = SERVER, mac: bytes = MAC) -> bytes:
    head = option(options.CLIENT_ID, options.duid(mac)) + (option(options.SERVER_ID, server) if server else b"")
    return bytes((kind,)) + xid + head + b"".join(given)


def soliciting() -> tuple[Client, bytes]:
    """A client that has begun at 0 s, and its question's transaction id."""
    client = Client(MAC, 7, 0.0)
    return client, asked(client)[1]


def requesting() -> Client:
    """A client that has taken the best of offers at 0.1 s."""
    client, xid = soliciting()
    client.receive(answer(dhcp6.ADVERTISE, xid, ia(), option(options.PREFERENCE, b"\xff")), 0.1)
    assert client.state == REQUESTING
    return client


def test_four_messages() -> None:
    client = Client(MAC, 7, 0.0)
    kind, xid, told = asked(client)
    assert kind == dhcp6.SOLICIT
    assert told[options.CLIENT_ID] == b"\0\3\0\1" + MAC
    assert told[options.IA_NA] == MAC[2:6] + bytes(8)
    assert {options.ELAPSED, options.RAPID_COMMIT, options.WANTED} < told.keys()
    assert client.receive(answer(dhcp6.ADVERTISE, xid, ia()), 0.1) == Outcome("offer")
    # Another server, better liked, until the first second is over; then the choice is made.
    liked = answer(dhcp6.ADVERTISE, xid, ia("2001:db8::77"), option(options.PREFERENCE, b"\5"), server=OTHER)
    assert client.receive(liked, 0.2) == Outcome("offer")
    assert (client.state, client.outgoing()) == (SOLICITING, ())
    assert 1.0 <= client.deadline() <= 1.1
    asked_at = client.deadline()
    client.tick(asked_at)
    kind, again, told = asked(client)
    assert (kind, client.state) == (dhcp6.REQUEST, REQUESTING)
    assert again != xid
    assert told[options.SERVER_ID] == OTHER
    assert (ip6.packed("2001:db8::77") or b"") in told[options.IA_NA]
    assert client.receive(answer(dhcp6.REPLY, again, ia()), 1.3).reason == "reply by another server"
    given = answer(
        dhcp6.REPLY, again, ia("2001:db8::77"), option(options.DNS, ip6.packed("2001:db8::3") or b""),
        option(options.DOMAINS, b"\3lab\0"), option(options.TIME_SERVERS, b"short"), server=OTHER,
    )  # fmt: skip
    assert client.receive(given, 1.4) == Outcome("ack")
    assert client.lease == Lease6(
        "2001:db8::77", OTHER, 0, 600, 300, 150.0, 240.0, ("2001:db8::3",), ("lab",), (), asked_at,
        ("option 31 (ntp): the last address is cut short",),
    )  # fmt: skip
    assert (client.state, client.deadline()) == (BOUND, asked_at + 150)  # half of the preferred lifetime
    assert client.receive(given, 1.5).kind == "ignored"


def test_the_highest_preference_and_a_late_offer_are_taken_at_once() -> None:
    requesting()
    client, _ = soliciting()
    client.tick(client.deadline())
    _, xid, _ = asked(client)
    client.receive(answer(dhcp6.ADVERTISE, xid, ia()), 1.5)
    assert client.state == REQUESTING


def test_two_messages() -> None:
    client, xid = soliciting()
    assert client.receive(answer(dhcp6.REPLY, xid, ia()), 0.1).kind == "ignored"  # no rapid commit
    rapid = option(options.RAPID_COMMIT)
    endless = ia(preferred=0xFFFFFFFF, valid=0xFFFFFFFF)
    assert client.receive(answer(dhcp6.REPLY, xid, endless, rapid), 0.1) == Outcome("ack")
    assert client.lease == Lease6(ADDRESS, SERVER)


def test_without_an_address() -> None:
    client = Client(MAC, 7, 0.0, stateless=True)
    kind, xid, told = asked(client)
    assert (kind, client.state) == (dhcp6.INFORMATION_REQUEST, INFORMING)
    assert options.IA_NA not in told
    reply = answer(dhcp6.REPLY, xid, option(options.DNS, ip6.packed("2001:db8::3") or b""))
    assert client.receive(reply, 0.1) == Outcome("ack")
    assert client.lease == Lease6("", SERVER, dns=("2001:db8::3",))


def test_silence_is_asked_again_ever_more_rarely() -> None:
    client = Client(MAC, 7, 0.0)
    times: list[float] = []
    xids = set()
    for _ in range(6):
        _, xid, told = asked(client)
        xids.add(xid)
        assert told[options.ELAPSED] == min(int((times[-1] if times else 0) * 100), 0xFFFF).to_bytes(2, "big")
        times.append(client.deadline())
        client.tick(times[-1] - 0.01)
        assert client.outgoing() == ()
        client.tick(times[-1])
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert all(1.9 * a <= b <= 2.1 * a for a, b in itertools.pairwise(waits))
    assert len(xids) == 1


def test_a_server_that_falls_silent_is_left() -> None:
    client = requesting()
    for _ in range(dhcp6.REQUEST_ATTEMPTS):
        assert asked(client)[0] == dhcp6.REQUEST
        client.tick(client.deadline())
    assert client.state == SOLICITING
    assert asked(client)[0] == dhcp6.SOLICIT


def test_a_refusal_is_told_and_asked_again_later() -> None:
    client = requesting()
    refusal = answer(dhcp6.REPLY, asked(client)[1], option(options.STATUS, b"\0\2all gone"))
    assert client.receive(refusal, 0.2) == Outcome("nak", "status 2: all gone")
    assert (client.state, client.outgoing()) == (SOLICITING, ())
    assert client.deadline() >= 1.2
    client.tick(client.deadline())
    assert asked(client)[0] == dhcp6.SOLICIT


def test_an_address_that_is_taken_is_declined() -> None:
    client, xid = soliciting()
    client.receive(answer(dhcp6.REPLY, xid, ia(), option(options.RAPID_COMMIT)), 0.1)
    client.taken(1.0)
    decline, solicit = client.outgoing()
    told = options.split(decline[4:])
    assert (decline[0], solicit[0]) == (dhcp6.DECLINE, dhcp6.SOLICIT)
    assert (told[options.SERVER_ID], client.lease) == (SERVER, None)
    assert (ip6.packed(ADDRESS) or b"") in told[options.IA_NA]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (answer(dhcp6.ADVERTISE, b"xid"), "no address (IA_NA)"),
        (answer(dhcp6.ADVERTISE, b"xid", ia(), server=b""), "no server identifier"),
        (answer(dhcp6.ADVERTISE, b"xid", ia("ff02::1")), "the address given is not the address of a machine"),
        (answer(dhcp6.ADVERTISE, b"xid", ia("fe80::1")), "the address given is not the address of a machine"),
        (answer(dhcp6.ADVERTISE, b"xid", ia(valid=0, preferred=0)), "the address given is valid for no time"),
        (answer(dhcp6.ADVERTISE, b"xid", ia(preferred=601)), "the address given is valid for no time"),
        (answer(dhcp6.ADVERTISE, b"xid", option(options.IA_NA, b"mine" + bytes(8))), "no address (IA_NA)"),
        (answer(dhcp6.ADVERTISE, b"xid", association(b"")), "no address (IAADDR)"),
        (answer(dhcp6.ADVERTISE, b"xid", ia(inner=option(options.STATUS, b"\0\4off\n link"))), "status 4: off link"),
        (answer(dhcp6.ADVERTISE, b"xid") + b"\0", "an option is cut short"),
        (answer(dhcp6.ADVERTISE, b"xid") + b"\0\3\0\1", "option 3 runs past the end of its field"),
    ],
)
def test_what_is_dropped(payload: bytes, reason: str) -> None:
    client, xid = soliciting()
    assert client.receive(payload[:1] + xid + payload[4:], 0.1) == Outcome("dropped", reason)
    assert client.state == SOLICITING


def test_what_is_not_for_us() -> None:
    client, xid = soliciting()
    for payload in (
        b"", b"\2", answer(dhcp6.ADVERTISE, b"no!", ia()), answer(dhcp6.SOLICIT, xid, ia()),
        answer(dhcp6.ADVERTISE, xid, ia(), mac=bytes(6)),
    ):  # fmt: skip
        assert client.receive(payload, 0.1).kind == "ignored"


def bound() -> Client:
    """A client with a lease, given at 100 s by SERVER."""
    client = Client(MAC, 7, 100.0)
    reply = answer(dhcp6.REPLY, asked(client)[1], ia(), option(options.RAPID_COMMIT))
    assert client.receive(reply, 100.2) == Outcome("ack")
    return client


def renewing() -> tuple[Client, bytes, dict[int, bytes]]:
    """A client whose T1 has passed; its question's transaction id and options."""
    client = bound()
    assert client.deadline() == 100 + 150
    client.tick(client.deadline())
    kind, xid, told = asked(client)
    assert (kind, client.state) == (dhcp6.RENEW, RENEWING)
    return client, xid, told


def test_renews_with_the_server_rebinds_with_any_and_loses_the_lease() -> None:
    client, _, told = renewing()
    assert (told[options.SERVER_ID], told[options.ELAPSED]) == (SERVER, b"\0\0")
    assert (ip6.packed(ADDRESS) or b"") in told[options.IA_NA]
    assert 259 <= client.deadline() <= 261  # REN_TIMEOUT
    while client.deadline() < 100 + 240:
        client.tick(client.deadline())
        assert asked(client)[0] == dhcp6.RENEW
    assert client.deadline() == 100 + 240
    client.tick(340.0)
    kind, _, told = asked(client)
    assert (kind, client.state) == (dhcp6.REBIND, REBINDING)
    assert options.SERVER_ID not in told
    while client.deadline() < 700:
        client.tick(client.deadline())
        assert asked(client)[0] == dhcp6.REBIND
    client.tick(700.0)
    assert (asked(client)[0], client.state, client.lease) == (dhcp6.SOLICIT, SOLICITING, None)


@pytest.mark.parametrize("state", [RENEWING, REBINDING])
def test_a_renewal_counts_from_the_question(state: str) -> None:
    client, xid, _ = renewing()
    asked_at = 250.0
    if state == REBINDING:
        asked_at = 340.0
        client.tick(asked_at)
        xid = asked(client)[1]
    other = answer(dhcp6.REPLY, xid, ia(valid=900), server=OTHER)
    if state == RENEWING:
        assert client.receive(other, 341.0).reason == "reply by another server"
        other = answer(dhcp6.REPLY, xid, ia(valid=900))
    assert client.receive(other, 341.0) == Outcome("ack")
    assert client.lease and (client.lease.seconds, client.lease.obtained) == (900, asked_at)
    assert client.state == BOUND
    assert client.deadline() == asked_at + 150


@pytest.mark.parametrize(
    ("t1", "t2", "preferred", "valid", "renew", "rebind"),
    [
        (0, 0, 300, 600, 150, 240),  # ours to say: of the preferred lifetime
        (100, 200, 300, 600, 100, 200),
        (100, 700, 300, 600, 150, 240),  # rebinding after the end is no use
        (0, 200, 300, 600, 150, 240),
        (0, 0, 0, 600, 300, 480),  # preferred no longer, and yet valid
        (0xFFFFFFFF, 0xFFFFFFFF, 300, 600, FOREVER, FOREVER),
        (0, 0, 0xFFFFFFFF, 0xFFFFFFFF, FOREVER, FOREVER),
        (100, 200, 0xFFFFFFFF, 0xFFFFFFFF, 100, 200),
        (1, 2, 3, 4, 5, 5),  # a server so short of time is not asked more often
    ],
)
def test_when_to_renew(t1: int, t2: int, preferred: int, valid: int, renew: float, rebind: float) -> None:
    lease = options.lease(ia(preferred=preferred, valid=valid, times=(t1, t2)), SERVER, MAC[2:6])
    assert (lease.renew_after, lease.rebind_after) == (renew, rebind)


def test_an_association_whose_times_contradict_each_other_is_as_if_it_were_not_there() -> None:
    with pytest.raises(PacketError, match=r"no address \(IA_NA\)"):
        options.lease(ia(times=(200, 100)), SERVER, MAC[2:6])


def test_a_server_that_has_forgotten_is_asked_for_the_same_address() -> None:
    client, xid, _ = renewing()
    forgotten = answer(dhcp6.REPLY, xid, association(option(options.STATUS, b"\0\3who?")))
    assert client.receive(forgotten, 250.1) == Outcome("nak", "status 3: who?")
    kind, xid, told = asked(client)
    assert (kind, client.state, told[options.SERVER_ID]) == (dhcp6.REQUEST, REQUESTING, SERVER)
    assert (ip6.packed(ADDRESS) or b"") in told[options.IA_NA]
    assert client.receive(answer(dhcp6.REPLY, xid, ia()), 250.2) == Outcome("ack")
    assert client.deadline() == pytest.approx(250.1 + 150)


def test_an_address_that_is_taken_back_and_another_in_its_place() -> None:
    both = association(b"".join(one[16:] for one in (ia(preferred=0, valid=0), ia("2001:db8::77"))))
    client, xid, _ = renewing()
    assert client.receive(answer(dhcp6.REPLY, xid, both), 250.1) == Outcome("ack")
    assert client.lease and client.lease.address == "2001:db8::77"
    client, xid, _ = renewing()
    gone = answer(dhcp6.REPLY, xid, ia(preferred=0, valid=0))
    assert client.receive(gone, 250.1) == Outcome("nak", "the server has taken the address back")
    assert (asked(client)[0], client.lease) == (dhcp6.SOLICIT, None)


def test_of_several_addresses_it_is_the_one_that_there_was() -> None:
    both = association(b"".join(one[16:] for one in (ia("2001:db8::77"), ia())))
    client, xid, _ = renewing()
    assert client.receive(answer(dhcp6.REPLY, xid, both), 250.1) == Outcome("ack")
    assert client.lease and client.lease.address == ADDRESS


@pytest.mark.parametrize("status", [b"\0\1later", b"\0\2none left"])
def test_another_failure_changes_nothing(status: bytes) -> None:
    client, xid, _ = renewing()
    due, failure = client.deadline(), option(options.STATUS, status)
    for told in ((failure, ia()), (), (association(failure),)):
        assert client.receive(answer(dhcp6.REPLY, xid, *told), 250.1).kind == "dropped"
        assert (client.state, client.deadline(), client.outgoing()) == (RENEWING, due, ())


@pytest.mark.parametrize("answered", [True, False])
def test_the_lease_is_given_back(answered: bool) -> None:
    client = bound()
    client.release(200.0)
    kind, xid, told = asked(client)
    assert (kind, client.state, told[options.SERVER_ID]) == (dhcp6.RELEASE, RELEASING, SERVER)
    assert (ip6.packed(ADDRESS) or b"") in told[options.IA_NA]
    assert options.WANTED not in told
    if answered:
        assert client.receive(answer(dhcp6.REPLY, xid, option(options.STATUS, b"\0\3")), 200.1) == Outcome("ack")
    else:
        client.tick(client.deadline())
        assert asked(client)[:2] == (kind, xid)
        end = client.deadline()
        client.tick(end)
        assert client.outgoing() == ()
        assert end < 204  # a machine that goes off does not wait for ever
    assert (client.state, client.deadline()) == (RELEASED, FOREVER)


def resumed() -> Client:
    lease = Lease6(ADDRESS, SERVER, 0, 600, 300, 150.0, 240.0, obtained=100.0)
    client = Client.resume(MAC, 9, lease, 120.0)
    assert (client.state, client.lease, client.deadline(), client.outgoing()) == (BOUND, lease, 250.0, ())
    return client


def test_a_client_that_goes_on_with_a_lease_hopes_for_its_address_for_a_while() -> None:
    client = resumed()
    now = 10_000.0  # asleep until long after the end
    client.tick(now)
    payload = client.outgoing()[-1]
    assert payload[0] == dhcp6.SOLICIT
    xid, elsewhere = payload[1:4], ia("2001:db8::77")
    for attempt in range(dhcp6.FAITHFUL_ATTEMPTS):
        if attempt:
            now = client.deadline()
            client.tick(now)
            _, xid, told = asked(client)
            assert options.RAPID_COMMIT not in told
            assert (ip6.packed(ADDRESS) or b"") in told[options.IA_NA]
        reply = client.receive(answer(dhcp6.ADVERTISE, xid, elsewhere), now)
        assert reply == Outcome("dropped", f"offers 2001:db8::77 while {ADDRESS} is still hoped for")
    now = client.deadline()
    client.tick(now)
    _, xid, told = asked(client)
    assert options.RAPID_COMMIT in told
    assert client.receive(answer(dhcp6.ADVERTISE, xid, elsewhere), now) == Outcome("offer")
    assert client.state == REQUESTING


def test_how_rarely_to_ask_is_the_servers_to_say() -> None:
    client, xid = soliciting()
    slow = option(options.SLOWEST_SOLICIT, (60).to_bytes(4, "big"))
    assert client.receive(answer(dhcp6.ADVERTISE, xid, slow), 0.1).kind == "dropped"  # no address, and yet heard
    waits = []
    for _ in range(12):
        now = client.deadline()
        client.tick(now)
        waits.append(client.deadline() - now)
    assert max(waits) <= 66


def test_time_servers_are_those_of_both_options() -> None:
    addresses = [ip6.packed(f"2001:db8::{number}") or b"" for number in range(4)]
    name = option(3, b"\3ntp\3lab\0")
    multicast = option(2, bytes.fromhex("ff05" + "00" * 13 + "01"))
    told = (option(1, addresses[3]), multicast, name + option(1, b"short"), option(1, addresses[1]), b"\0\1\0\x10cut")
    area = b"".join(option(options.NTP, one) for one in told)
    area = option(options.TIME_SERVERS, addresses[1] + addresses[2]) + area
    lease = options.lease(area, SERVER, b"")
    assert lease.ntp == ("2001:db8::3", "2001:db8::1", "2001:db8::2")
    unused = "option 56 (ntp): a server by name or multicast, of which no use is made"
    cut = ("; the last address is cut short", ": option 1 runs past the end of its field")
    assert lease.ignored == (unused, unused + cut[0], "option 56 (ntp)" + cut[1])


def test_what_is_good_of_a_list_is_kept() -> None:
    servers = b"".join(ip6.packed(text) or b"" for text in ("2001:db8::1", "::", "ff02::1", "2001:db8::2"))
    area = option(options.DNS, servers + b"cut") + option(options.DOMAINS, b"\3lab\0\3l b\0\2ok\0\3end")
    lease = options.lease(area, SERVER, b"")
    assert (lease.dns, lease.search) == (("2001:db8::1", "2001:db8::2"), ("lab", "ok"))
    assert lease.ignored == (
        "option 23 (dns): :: is not a machine's address; ff02::1 is not a machine's address; "
        "the last address is cut short",
        "option 24 (search): not a host or domain name; a name without end",
    )


def lease_of() -> Lease6:
    return options.lease(ia(), SERVER, MAC[2:6], obtained=100.0)


def test_taken_while_the_same_server_is_asked_anew_for_a_forgotten_lease() -> None:
    """NoBinding leads to REQUESTING with the lease kept: the kernel's word that it is taken may come just then."""
    client = Client.resume(MAC, 7, lease_of(), 100.0)
    client.tick(client.deadline())
    _, xid, _ = asked(client)
    status = option(options.STATUS, struct.pack("!H", options.NO_BINDING))
    assert client.receive(answer(dhcp6.REPLY, xid, association(status)), 250.1).kind == "nak"
    assert (client.state, client.lease is not None) == (REQUESTING, True)
    client.outgoing()
    client.taken(250.2)
    assert client.state == SOLICITING
    assert [payload[0] for payload in client.outgoing()] == [dhcp6.DECLINE, dhcp6.SOLICIT]


def test_taken_while_it_is_given_back_changes_nothing() -> None:
    client = Client.resume(MAC, 7, lease_of(), 100.0)
    client.release(110.0)
    client.outgoing()
    client.taken(110.1)
    assert (client.state, client.outgoing()) == (RELEASING, ())


def test_a_link_that_was_cut_has_every_server_asked() -> None:
    client = Client.resume(MAC, 7, lease_of(), 100.0)
    client.moved(110.0)
    kind, xid, told = asked(client)
    assert (client.state, kind, options.SERVER_ID in told) == (REBINDING, dhcp6.REBIND, False)
    assert client.receive(answer(dhcp6.REPLY, xid, ia(), server=OTHER), 110.1) == Outcome("ack")
    assert client.lease
    assert client.lease.server == OTHER
    client.tick(client.deadline())
    client.moved(client.deadline())
    assert client.state == REBINDING


def test_a_cut_link_does_not_wait_long_for_the_next_question() -> None:
    client, _ = soliciting()
    for _ in range(6):
        client.tick(client.deadline())
    client.outgoing()
    client.moved(200.0)
    assert asked(client)[0] == dhcp6.SOLICIT
    assert client.deadline() < 201.5
