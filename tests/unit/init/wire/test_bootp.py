"""Which messages of BOOTP and DHCP are answers to us, and which are wrong."""

from tests import dhcp_wire as wire
from tests.dhcp_wire import ACK, OFFER
from tests.unit.init.wire.test_dhcp import new, only, refused


def test_what_is_not_ours_is_ignored() -> None:
    client = new()
    question = only(client)
    options = wire.options([(53, b"\x02"), (54, wire.SERVER)])
    xid = wire.xid_of(question)
    refused(client, wire.frame(wire.payload(xid, options, operation=1)), "ignored", "not a reply")
    refused(client, wire.frame(wire.payload(xid + 1, options)), "ignored", "answers another question (xid)")
    for fields in ({"mac": wire.SERVER_MAC}, {"hardware": 6}):
        frame = wire.frame(wire.payload(xid, options, **fields))
        refused(client, frame, "ignored", "answers another machine (chaddr)")
    refused(client, wire.answer(question, ACK, wire.HOUR), "ignored", "ack is not expected while selecting")
    refused(client, wire.answer(question, 13), "ignored", "message type 13 is not expected while selecting")


def test_what_is_wrong_is_dropped_with_the_reason() -> None:
    client = new()
    question = only(client)
    unfit, multicast = "the address offered is not the address of a machine", b"\xe0\0\0\1"
    refused(client, wire.frame(bytes(235)), "dropped", "235 bytes are no BOOTP message")
    refused(client, wire.answer(question, OFFER, address=multicast), "dropped", unfit)
    refused(client, wire.answer(question, OFFER, server=bytes(4)), "dropped", "no server identifier (option 54)")
    wide = wire.options([(53, b"\x02\x02"), (54, wire.SERVER)])
    refused(
        client,
        wire.frame(wire.payload(wire.xid_of(question), wide)),
        "dropped",
        "message type (option 53) is not one byte",
    )
