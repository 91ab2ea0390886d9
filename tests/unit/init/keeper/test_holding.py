"""A lease kept for as long as the machine runs, on a clock of the test's own."""

from init.cmdline.ip_request import Request
from init.keeper.holding import Holding, release_frame
from init.network import state
from init.network.record import decode, encode
from init.network.state import Interface
from init.wire import dhcp
from init.wire.dhcp_options import Lease, Route
from tests import dhcp_wire as wire
from tests.dhcp_wire import ACK, NAK, OFFER
from tests.unit.init.network.samples import LINK

OTHER, RIVAL = bytes((10, 0, 0, 77)), bytes((10, 0, 0, 9))


def seconds(number: int) -> tuple[int, bytes]:
    return 51, number.to_bytes(4, "big")


def interface(**request: object) -> Interface:
    """Had at 1000 s for 600 s."""
    lease = Lease(
        "dhcp", "10.0.0.50", "10.0.0.1", wire.SERVER_MAC, 1000.0, 24,
        gateways=("10.0.0.1",), dns=("10.0.0.3",), seconds=600, renew_after=300.0, rebind_after=525.0,
    )  # fmt: skip
    return state.leased(Request(**request), LINK, lease, 100)  # type: ignore[arg-type]


def holding(**request: object) -> Holding:
    held = Holding(interface(**request), 0x12345678, 1001.0)
    assert (held.outgoing(), held.asking, held.deadline()) == ((), False, 1300.0)
    return held


def asked(held: Holding, now: float) -> bytes:
    """Tick at `now`; the one frame that goes out."""
    held.tick(now, ours=True)
    (frame,) = held.outgoing()
    return frame


def said(held: Holding) -> str:
    """What was to be logged since."""
    text = "\n".join(f"<{level}> {line}" for level, line in held.news)
    held.news.clear()
    return text


def target(frame: bytes) -> tuple[bytes, bytes]:
    """Hardware and IP address that a frame goes to."""
    return frame[:6], frame[30:34]


def test_five_renewals_go_to_the_server_alone() -> None:
    held, now = holding(), 1000.0
    for _ in range(5):
        assert held.deadline() == now + 300
        now = held.deadline()
        question = asked(held, now)
        assert target(question) == (wire.SERVER_MAC, wire.SERVER)
        assert question[26:30] == question[54:58] == wire.ADDRESS  # source, ciaddr
        told = wire.options_of(question)
        assert (told[53], told.get(50), told.get(54)) == (b"\x03", None, None)  # RFC 2131, table 5
        assert wire.seconds_of(question) == 0
        assert held.receive(wire.answer(question, ACK, seconds(600)), now + 1)
        assert not held.asking
        assert (held.interface.obtained, held.interface.lease_seconds) == (now, 600)
        assert "renewed by 10.0.0.1 for 600 s" in said(held)
    assert decode(encode(state.Network((held.interface,)))).interfaces == (held.interface,)


def test_what_the_boot_told_is_told_again() -> None:
    told = wire.options_of(asked(holding(hostname="box", domain="nis", client_id=b"\x00abc"), 1300.0))
    assert (told[12], told[40], told[61]) == (b"box", b"nis", b"\x00abc")
    told = wire.options_of(asked(holding(), 1300.0))
    assert not told.keys() & {12, 40, 61}


def test_what_the_command_line_decided_stays() -> None:
    held = holding(gateway="10.0.0.2", dns=("1.1.1.1",), netmask="255.255.0.0")
    question = asked(held, 1300.0)
    new = ((3, bytes((10, 0, 0, 8))), (6, bytes((10, 0, 0, 3))), (26, (1400).to_bytes(2, "big")))
    assert held.receive(wire.answer(question, ACK, seconds(900), *new), 1301.0)
    found = held.interface
    assert (found.gateway, found.dns, found.prefix) == ("10.0.0.2", ("1.1.1.1",), 16)
    assert (found.mtu, found.metric, found.lease_seconds, held.deadline()) == (1400, 100, 900, 1750.0)


def test_what_the_server_changed_is_taken() -> None:
    held = holding()
    question = asked(held, 1300.0)
    routes = (121, bytes((16, 10, 7, 10, 0, 0, 7, 0, 10, 0, 0, 8)))
    assert held.receive(wire.answer(question, ACK, seconds(600), routes), 1301.0)
    assert (held.interface.gateway, held.interface.routes) == ("10.0.0.8", (Route("10.7.0.0", 16, "10.0.0.7"),))


def test_silence_until_the_end_and_beyond() -> None:
    held = holding()
    assert target(asked(held, 1300.0))[0] == wire.SERVER_MAC
    while held.deadline() < 1525:
        assert target(asked(held, held.deadline()))[0] == wire.SERVER_MAC
    said(held)
    question = asked(held, 1525.0)
    assert target(question) == (b"\xff" * 6, b"\xff" * 4)
    assert "<4> eth0: 10.0.0.50: no answer from 10.0.0.1; asking every server, 75 s" in said(held)
    while held.deadline() < 1600:
        asked(held, held.deadline())
    discover = asked(held, 1600.0)
    assert (wire.options_of(discover)[53], wire.options_of(discover)[50]) == (b"\x01", wire.ADDRESS)
    text = said(held)
    assert text.startswith("<3> ")
    assert "HAS RUN OUT" in text
    assert held.interface == interface()  # the address and all of it stays
    waits, now = [], 1600.0
    for _ in range(7):
        waits.append(held.deadline() - now)
        now = held.deadline()
        discover = asked(held, now)
    assert waits[-1] > 60  # RFC 2131's back-off, for ever
    assert said(held) == ""
    request = answered(held, discover, now)
    assert held.receive(wire.answer(request, ACK, seconds(600)), now)
    assert "<5> eth0: 10.0.0.50: given again by 10.0.0.1 for 600 s" in said(held)
    assert held.deadline() == now + 300


def answered(held: Holding, discover: bytes, now: float, **fields: object) -> bytes:
    """Offer; the request that follows."""
    assert not held.receive(wire.answer(discover, OFFER, **fields), now)  # type: ignore[arg-type]
    (request,) = held.outgoing()
    return request


def test_a_server_that_has_forgotten_gives_the_same_again() -> None:
    held = holding()
    assert not held.receive(wire.answer(asked(held, 1300.0), NAK, (56, b"who?")), 1300.1)
    assert "<3> eth0: 10.0.0.50: REFUSED by the server (who?); it stays" in said(held)
    (discover,) = held.outgoing()
    assert wire.options_of(discover)[50] == wire.ADDRESS
    request = answered(held, discover, 1300.2)
    assert held.receive(wire.answer(request, ACK, seconds(600)), 1300.3)
    assert held.interface.address == "10.0.0.50"
    assert not held.asking


def test_another_address_is_taken_only_where_the_server_insists() -> None:
    held = holding()
    held.receive(wire.answer(asked(held, 1300.0), NAK), 1300.0)
    (discover,) = held.outgoing()
    now, offers = 1300.0, 0
    while True:
        held.receive(wire.answer(discover, OFFER, address=OTHER), now)
        if sent := held.outgoing():
            break
        offers += 1
        now = held.deadline()
        discover = asked(held, now)
    assert offers == dhcp.FAITHFUL_ATTEMPTS
    assert 1310 < now < 1315
    assert "offers 10.0.0.77 while 10.0.0.50 is still hoped for" in said(held)
    request, probe = sent
    assert probe[12:14] == b"\x08\x06"  # the new one, whether it is free
    assert not held.receive(wire.answer(request, ACK, seconds(600), address=OTHER), now)
    while held.asking:
        held.tick(held.deadline(), ours=True)
    held.outgoing()
    assert held.interface.address == "10.0.0.77"
    text = said(held)
    assert text.startswith("<2> ")
    assert "GIVEN INSTEAD OF 10.0.0.50 by 10.0.0.1" in text
    # From here on it is the new one that is kept.
    assert asked(held, held.deadline())[54:58] == OTHER


def test_one_who_was_not_asked_cannot_refuse() -> None:
    held = holding()
    question = asked(held, 1300.0)
    held.receive(wire.answer(question, NAK, server=RIVAL), 1300.1)
    assert "refusal by another server" in said(held)
    assert held.receive(wire.answer(question, ACK, seconds(600)), 1300.2)


def test_a_packet_that_is_wrong_is_logged_once() -> None:
    held = holding()
    question = asked(held, 1300.0)
    said(held)
    for _ in range(3):
        held.receive(wire.answer(question, ACK, seconds(600), address=OTHER), 1300.1)
    assert said(held) == "<6> eth0: 10.0.0.50: dropped a packet: acknowledges another address than was offered"


def test_an_address_that_somebody_else_took_over_is_left_alone() -> None:
    held = holding()
    held.tick(1300.0, ours=False)
    assert (held.outgoing(), held.asking) == ((), False)
    assert "left alone" in said(held)
    for now in (1375.0, 1450.0, 1525.0):
        assert held.deadline() == now
        held.tick(now, ours=False)
    assert (said(held), held.outgoing()) == ("", ())
    held.tick(1600.0, ours=True)  # its other owner is gone; by now the lease is over
    assert "kept again" in said(held)
    assert wire.options_of(held.outgoing()[-1])[53] == b"\x01"


def test_release() -> None:
    frame = release_frame(interface(client_id=b"\x00abc"), 7, 1300.0)
    assert target(frame) == (wire.SERVER_MAC, wire.SERVER)
    told = wire.options_of(frame)
    assert (told[53], told[54], told[61], frame[54:58]) == (b"\x07", wire.SERVER, b"\x00abc", wire.ADDRESS)
    assert release_frame(interface()._replace(lease_seconds=0), 7, 1e9)  # without end
    assert target(release_frame(interface(), 7, 1600.0)) == target(frame)  # over by our clock
    for protocol in ("static", "bootp", "rarp"):
        assert release_frame(interface()._replace(protocol=protocol), 7, 1300.0) == b""


def test_a_carrier_that_is_back_has_the_lease_asked_for_anew() -> None:
    held = holding()
    held.moved(1100.0)
    (question,) = held.outgoing()
    assert held.asking
    assert (wire.options_of(question)[50], target(question)[1]) == (wire.ADDRESS, b"\xff" * 4)
    assert held.receive(wire.answer(question, ACK, seconds(600)), 1100.1)
    assert (held.asking, held.deadline(), held.interface.obtained) == (False, 1400.0, 1100.0)
    assert said(held) == (
        "<6> eth0: 10.0.0.50: the carrier is back; asking whether the address is still good\n"
        "<7> eth0: 10.0.0.50: lease renewed by 10.0.0.1 for 600 s"
    )


def test_the_carrier_of_an_address_that_was_taken_over_is_none_of_ours() -> None:
    held = holding()
    held.tick(1300.0, ours=False)
    held.moved(1301.0)
    assert held.outgoing() == ()
