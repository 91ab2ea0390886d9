"""Which of its old connections a machine ends at the server; how, is seen in tests/vm/test_container_lease.py."""

import socket

import pytest

from init.container_lease import stale_connections
from init.container_lease.record import Record
from init.container_lease.stale_connections import Connection

# Of a kernel on a little-endian machine: one that listens, one connected to 10.9.0.1:445, one in TIME_WAIT.
TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:01BD 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 431 1 0 100 0 0 10 0
   1: 0900090A:C9E8 0100090A:01BD 01 00000000:00000000 00:00000000 00000000     0        0 11312 1 0 20 4 30 10 16
   2: 0900090A:E40C 0100090A:01BD 06 00000000:00000000 03:00001459 00000000     0        0 0 3 0
"""
TCP6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: B80D0120000000000000000007000000:8000 B80D0120000000000000000001000000:1151 01 00000000:00000000
"""
FOUR = Connection(socket.AF_INET, "10.9.0.9", 51688, "10.9.0.1", 445)
SIX = Connection(socket.AF_INET6, "2001:db8::7", 32768, "2001:db8::1", 4433)


@pytest.fixture(autouse=True)
def little_endian(monkeypatch: pytest.MonkeyPatch) -> None:
    pack = stale_connections.struct.pack
    monkeypatch.setattr(stale_connections.struct, "pack", lambda form, *values: pack(form.replace("=", "<"), *values))


def test_what_is_established() -> None:
    assert stale_connections.parse(TCP) == [FOUR]
    assert stale_connections.parse(TCP6) == [SIX]
    assert stale_connections.parse("") == []


@pytest.mark.parametrize(
    ("ports", "addresses", "called"),
    [
        ("58380", "10.9.0.9", [FOUR._replace(port=58380)]),
        ("58380 58381", "10.0.0.1 10.9.0.9", [FOUR._replace(port=58380), FOUR._replace(port=58381)]),
        ("58380", "10.9.0.9 2001:db8::7", [FOUR._replace(port=58380), SIX._replace(port=58380)]),
        ("58380", "10.9.0.10", []),  # nobody can speak for another address
        ("58380", "", []),
        ("", "10.9.0.9", []),
        ("51688", "10.9.0.9", []),  # which is in use
        ("0 65536 -1 no ²", "10.9.0.9", []),  # anybody may have written a record
        (" ".join(map(str, range(1000, 1100))), "10.9.0.9", [FOUR._replace(port=1000 + each) for each in range(8)]),
    ],
)
def test_what_is_ended(ports: str, addresses: str, called: list[Connection], monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[Connection] = []
    monkeypatch.setattr(stale_connections, "connections", lambda: [FOUR, SIX])
    monkeypatch.setattr(stale_connections, "call", done.append)
    stale_connections.end(ports, addresses)
    assert done == called


def test_a_record_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stale_connections, "connections", lambda _: [FOUR, SIX, FOUR])
    assert stale_connections.ports(server="10.9.0.1") == "51688"
    record = Record("anna", "10.9.0.9", ports=stale_connections.ports())
    assert record.ports == "32768 51688"
    assert Record.decode(record.encode("disk.img")) == record


def test_a_call_is_let_in_and_leaves() -> None:
    """To a server that knows of no old connection it is one that says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        stale_connections.call(Connection(socket.AF_INET, "127.0.0.1", port, "127.0.0.1", server.getsockname()[1]))
        server.settimeout(60)
        found, address = server.accept()
        with found:
            assert address == ("127.0.0.1", port)
            assert found.recv(1) == b""
