"""A wire that loses, doubles, delays and reorders, in virtual time, between the client and a plain server.

What real servers do on such a wire is tests/integration/test_network_servers_bad.py's; here there are hundreds of
wires, and hours cost nothing.
"""

import heapq
from collections.abc import Iterator
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from init.wire import dhcp, ethernet
from init.wire.dhcp import Client
from init.wire.exchange import BOUND
from tests import dhcp_wire as wire

LEASE = (51, (3600).to_bytes(4, "big"))
# What becomes of a frame: the delay of every copy that arrives, so () is a loss.
delays = st.floats(0, 20)
fates = st.one_of(st.just(()), st.tuples(delays), st.tuples(delays, delays))


def reply(frame: bytes, autoconf: str) -> bytes:
    """A server that gives one address and remembers nothing; RARP is answered by its own rules."""
    if ethernet.ethertype(frame) == ethernet.ETH_P_RARP:
        body = frame[14:20] + b"\0\x04" + wire.SERVER_MAC + wire.SERVER + wire.MAC + wire.ADDRESS
        return wire.MAC + wire.SERVER_MAC + frame[12:14] + body
    if autoconf in ("bootp", "both"):
        return wire.answer(frame, 0)
    kind = wire.options_of(frame)[53][0]
    return wire.answer(frame, {1: wire.OFFER, 3: wire.ACK}[kind], LEASE)


def run(autoconf: str, plan: Iterator[tuple[float, ...]]) -> tuple[Client, float, int]:
    """Let client and server talk until there is a lease; return it, the time and how many frames the client sent."""
    client = Client(wire.MAC, 0x12345678, dhcp.Wish(protocol=autoconf), 0.0, fresh=True)
    now, sent, count = 0.0, 0, 0
    flying: list[tuple[float, int, bool, bytes]] = []
    while client.lease is None and now < 100_000:
        for frame in client.outgoing():
            sent += 1
            for late in next(plan, (0.0,)):
                count += 1
                heapq.heappush(flying, (now + late, count, True, frame))
        now = max(now, min(client.deadline(), flying[0][0] if flying else client.deadline()))
        while flying and flying[0][0] <= now:
            _, _, question, frame = heapq.heappop(flying)
            if not question:
                assert client.receive(frame, now).kind in ("offer", "ack", "answer", "ignored", "dropped")
                continue
            for late in next(plan, (0.0,)):
                count += 1
                heapq.heappush(flying, (now + late, count, False, reply(frame, autoconf)))
        client.tick(now)
    return client, now, sent


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["any", "dhcp", "bootp", "rarp", "both"]), st.lists(fates, max_size=40))
def test_there_is_a_lease_as_soon_as_the_wire_lets_it(autoconf: str, plan: list[tuple[float, ...]]) -> None:
    client, now, sent = run(autoconf, iter(plan))
    assert client.lease is not None
    assert client.state == BOUND
    assert client.lease.address == "10.0.0.50"
    # Every frame may be lost or late once for each fate; after that no more than one cycle is needed: four questions,
    # the longest waits between them.
    assert now <= 65.0 * (len(plan) + 4)
    assert sent <= 4 * len(plan) + 8


@given(st.integers(0, 2**32 - 1))
def test_a_dead_wire_is_asked_less_and_less(xid: int) -> None:
    client, now, asked = Client(wire.MAC, xid, dhcp.Wish(), 0.0), 0.0, []
    while now < 600:
        asked += [now] * len(client.outgoing())
        now = client.deadline()
        client.tick(now)
    waits = [after - before for before, after in pairwise(asked)]
    for wait, meant in zip(waits, [4, 8, 16, 32, 64, 64, 64], strict=False):
        assert meant - 1 <= wait <= meant + 1
    assert len(waits) >= 7
