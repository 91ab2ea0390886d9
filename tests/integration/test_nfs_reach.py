"""What is in the way of an NFS mount: a real port mapper, ports that nobody has, and ports that are silent.

A silent port is a socket whose queue is full: the kernel drops every further SYN, as a firewall does.
"""

import errno
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import ROOT, Lab, eventually

SILENCE = 0.5
ASK = """
import sys; sys.path.insert(0, sys.argv[1])
from init.perform.nfs_reach import obstacle
for options in sys.argv[4:]:
    print(obstacle(options, (sys.argv[2], 0) + (0, 0) * (":" in sys.argv[2]), float(sys.argv[3])))
"""
LISTEN = """
import signal, socket, sys
held = []
for word in sys.argv[1:]:
    server = socket.create_server(("127.0.0.1", abs(int(word))), backlog=0 if word[0] == "-" else 9)
    held.append(server)
    for _ in range(2 * (word[0] == "-")):
        held.append(socket.socket())
        held[-1].setblocking(False)
        held[-1].connect_ex(server.getsockname())
print("ready", flush=True)
signal.pause()
"""
# PMAPPROC_SET (RFC 1833, 3.2), which rpcbind -i takes from anybody on this machine.
REGISTER = """
import socket, struct, sys
asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asker.settimeout(5)
for word in sys.argv[1:]:
    program, port = map(int, word.split(":"))
    asker.sendto(struct.pack(">14I", 1, 0, 2, 100000, 2, 1, 0, 0, 0, 0, program, 3, 6, port), ("127.0.0.1", 111))
    assert asker.recv(99)[-4:] == b"\\0\\0\\0\\1", word
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path)
    yield lab
    lab.close()


def listen(lab: Lab, *ports: int) -> None:
    """Listen, on a negative port without ever answering."""
    server = lab.start("server", sys.executable, "-c", LISTEN, *map(str, ports))
    assert server.stdout is not None and server.stdout.readline() == "ready\n"


def asked(lab: Lab, *options: str, address: str = "127.0.0.1") -> list[str]:
    words = (sys.executable, "-ISBc", ASK, str(ROOT), address, str(SILENCE), *options)
    return lab.run("server", *words).splitlines()


def told(number: int, where: str) -> str:
    return f"Obstacle(number={int(number)}, where={where!r})"


def test_a_silent_port_mapper_is_no_obstacle_to_version_4(lab: Lab) -> None:
    listen(lab, -111, 2049)
    started = time.monotonic()
    silent = told(errno.ETIMEDOUT, "port mapper (port 111)")
    assert asked(lab, "hard,vers=3,nolock", "vers=4.2", "nfsvers=3,port=2049") == [silent, "None", silent]
    assert time.monotonic() - started > 2 * SILENCE  # two of the three asked for all of it
    assert asked(lab, "v3,port=2049,mountport=2049", "v3,udp", "vers=3,mountproto=udp") == ["None"] * 3


def test_nobody_there_and_no_way(lab: Lab) -> None:
    assert asked(lab, "vers=3", "vers=4.1", "vers=4,port=20490") == [
        told(errno.ECONNREFUSED, "port mapper (port 111)"),
        told(errno.ECONNREFUSED, "NFS (port 2049)"),
        told(errno.ECONNREFUSED, "NFS (port 20490)"),
    ]
    assert asked(lab, "vers=3", "vers=4.2", address="::1") == [
        told(errno.ECONNREFUSED, "port mapper (port 111)"),
        told(errno.ECONNREFUSED, "NFS (port 2049)"),
    ]
    lab.run("server", "ip", "route", "add", "prohibit", "10.9.9.9")
    assert asked(lab, "vers=3", address="10.9.9.9") == [told(errno.EHOSTUNREACH, "port mapper (port 111)")]


def test_what_the_port_mapper_names_is_asked_too(lab: Lab) -> None:
    lab.run("server", "mkdir", "-p", "/run/rpcbind")
    lab.start("server", "rpcbind", "-f", "-i")
    eventually(lambda: ":111 " in lab.run("server", "ss", "-Htln"), "rpcbind")
    assert asked(lab, "vers=3") == ["None"]  # nothing registered: the kernel knows better words for it
    assert asked(lab, "vers=3", address="::1") == ["None"]
    listen(lab, -20048, 2049)
    lab.run("server", sys.executable, "-c", REGISTER, "100003:2049", "100005:20048")
    assert asked(lab, "vers=3", "vers=4.2", "vers=3,mountport=2049", "vers=3,port=9,mountport=2049") == [
        told(errno.ETIMEDOUT, "mountd (port 20048)"),
        "None",
        "None",
        told(errno.ECONNREFUSED, "NFS (port 9)"),
    ]


def test_nothing_but_2049_is_dropped(lab: Lab) -> None:
    listen(lab, -2049)
    assert asked(lab, "vers=4.2") == [told(errno.ETIMEDOUT, "NFS (port 2049)")]
