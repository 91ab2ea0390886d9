"""Names of servers resolved by the C library, in a child: a name server may never answer."""

from __future__ import annotations

import os

from init.system import child
from init.system.cmodules import socket

_LONGEST_LOOKUP = 15.0  # seconds; resolv.conf(5)'s own are 5 for each server, asked twice


def resolve(name: str) -> tuple[str, int]:
    """The first address of `name`, and 0; or "" and the EAI_ number for which getaddrinfo(3) finds none."""

    def ask(answers: int) -> None:
        try:
            found = socket.getaddrinfo(os.fsencode(name), None, 0, socket.SOCK_STREAM)
        except socket.gaierror as error:
            os.write(answers, f" {error.errno}".encode())
        else:
            os.write(answers, f"{text(found[0][4])} 0".encode())  # type: ignore[arg-type]

    address, _, number = child.ask(ask, _LONGEST_LOOKUP)[0].decode().partition(" ")
    return address, int(number) if number else socket.EAI_AGAIN


def text(address: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """A socket's address without its port as cifs reads it: a scope is a number (cifs_inet_pton, netmisc.c)."""
    host = address[0].partition("%")[0]
    return f"{host}%{address[3]}" if len(address) == 4 and address[3] else host
