"""A server's name that could not be resolved: nobody to ask, no answer, or nobody who knows it."""

from __future__ import annotations

from init.system import resolver
from init.system.cmodules import socket
from init.system.files import read_text


def look_up(name: str) -> int:
    """The EAI_ number for which getaddrinfo(3) finds no address of `name`, 0 where it finds one now."""
    return resolver.resolve(name)[1]


def trouble(name: str, number: int, resolv_conf: str | None = None) -> tuple[str, str]:
    """What is wrong, and what to try; `number` is look_up()'s, `resolv_conf` this machine's own unless given."""
    known = read_text("/etc/resolv.conf") if resolv_conf is None else resolv_conf
    lines = [line.split() for line in known.splitlines()]
    servers = [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"]
    domains = [word for words in lines if words[:1] == ["search"] for word in words[1:]]
    if not servers:
        return (
            f"no name server is known that could be asked for {name}",
            "ip= and the DHCP server name none: dns0 in ip=, or the server's address in place of its name",
        )
    asked = " and ".join(servers)
    if number == socket.EAI_AGAIN:
        return f"no answer about {name} from {asked}", "is that the network's name server? an address needs none"
    within = f", nor within {', '.join(domains)}" if domains and "." not in name else ""
    hint = "is it spelt right?" if "." in name or domains else "no domain is known to look within: the full name?"
    return f"{asked} knows no {name}{within}", f"{hint} an address needs no name server"
