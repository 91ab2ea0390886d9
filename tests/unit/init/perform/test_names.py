"""Why a server's name could not be resolved."""

from init.perform.names import look_up, trouble
from init.system.cmodules import socket

ONE = "nameserver 10.0.2.3\n"


def test_nobody_to_ask() -> None:
    reason, hint = trouble("nas", socket.EAI_AGAIN, "search lab.example\nnameserver\n")
    assert reason == "no name server is known that could be asked for nas"
    assert "dns0 in ip=" in hint


def test_no_answer() -> None:
    reason, _ = trouble("nas", socket.EAI_AGAIN, f"{ONE}nameserver fec0::3\n")
    assert reason == "no answer about nas from 10.0.2.3 and fec0::3"


def test_nobody_knows_it() -> None:
    assert trouble("nas", socket.EAI_NONAME, ONE) == (
        "10.0.2.3 knows no nas",
        "no domain is known to look within: the full name? an address needs no name server",
    )
    reason, hint = trouble("nas", socket.EAI_NONAME, f"search lab.example b\n{ONE}")
    assert reason == "10.0.2.3 knows no nas, nor within lab.example, b"
    assert hint == "is it spelt right? an address needs no name server"
    assert trouble("nas.lab", socket.EAI_NONAME, f"search lab\n{ONE}")[0] == "10.0.2.3 knows no nas.lab"


def test_the_looking_up_itself() -> None:
    assert look_up("127.0.0.1") == 0
    assert look_up("a..b") != 0
