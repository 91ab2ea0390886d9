"""Names resolved, and addresses as the kernel reads them."""

import pytest

from init.system import resolver
from init.system.cmodules import socket


def test_a_name_and_none() -> None:
    assert resolver.resolve("127.0.0.1") == ("127.0.0.1", 0)
    address, number = resolver.resolve("a..b")
    assert (address, number != 0) == ("", True)


def test_silence_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver.child, "ask", lambda *_: (b"", False))
    assert resolver.resolve("nas") == ("", socket.EAI_AGAIN)


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (("10.0.2.2", 0), "10.0.2.2"),
        (("2001:db8::1", 0, 0, 0), "2001:db8::1"),
        (("fe80::1%eth0", 0, 0, 2), "fe80::1%2"),
    ],
)
def test_an_address_as_cifs_reads_it(address: tuple[str, int] | tuple[str, int, int, int], text: str) -> None:
    assert resolver.text(address) == text
