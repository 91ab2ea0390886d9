"""The network's state as text for the way back: encode and decode."""

from __future__ import annotations

from init.network.state import Interface, Made, Network, NetworkError
from init.wire.dhcp_options import Route

_NONE = "-"  # stands for an empty text in a list
_INTEGERS = ("prefix", "mtu", "metric", "lease_seconds", "preferred")


def encode(network: Network) -> str:
    """Return the state that decode() reads. Values never hold a line break: their grammars exclude it."""
    blocks = [made._asdict() for made in network.made] + [found._asdict() for found in network.interfaces]
    return "\n".join("".join(f"{name}={_text(value)}\n" for name, value in block.items()) for block in blocks)


def _text(value: object) -> str:
    """A value of Interface as text: lists are separated by spaces, a route is destination/prefix,gateway."""
    if isinstance(value, Route):
        return f"{value.destination}/{value.prefix},{value.gateway}"
    if isinstance(value, tuple):
        return " ".join(_text(item) or _NONE for item in value)
    return str(value)


def decode(text: str) -> Network:
    """Read encode()'s text back. Raises NetworkError where it is damaged."""
    interfaces, made = [], []
    try:
        for block in text.split("\n\n"):
            values = dict(line.split("=", 1) for line in block.splitlines())
            if "parameter" in values:
                cards = tuple("" if card == _NONE else card for card in values["cards"].split())
                made.append(Made(values["parameter"], values["value"], cards))
            elif values:
                interfaces.append(_interface(values))
    except (ValueError, TypeError, KeyError) as error:
        raise NetworkError(f"network state: cannot be read: {error!r}") from error
    return Network(tuple(interfaces), tuple(made))


def _interface(values: dict[str, str]) -> Interface:
    """One block of the state."""
    numbers: dict[str, float] = {name: int(values[name]) for name in _INTEGERS}
    numbers |= {name: float(values[name]) for name in ("obtained", "renew_after", "rebind_after")}
    lists = {name: tuple(values[name].split()) for name in ("dns", "search", "ntp", "fixed")}
    routes = []
    for word in values["routes"].split():
        network, _, gateway = word.partition(",")
        destination, _, prefix = network.partition("/")
        routes.append(Route(destination, int(prefix), gateway))
    return Interface(**{**values, **numbers, **lists, "routes": tuple(routes)})  # type: ignore[arg-type]
