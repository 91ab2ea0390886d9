"""The network's state as text, for the keeper and the way back: encode and decode.

Lines `field=value`, one block for each device, an empty line between blocks. Values never hold a line break: their
grammars exclude it. Lists are separated by spaces.
"""

from __future__ import annotations

from init.network.state import Interface, Made, Network, NetworkError
from init.system.stdlib import Callable
from init.wire.dhcp_options import Route

_NONE = "-"  # stands for an empty text in a list


def encode(network: Network) -> str:
    """Return the state that decode() reads."""
    blocks = [made._asdict() for made in network.made] + [interface._asdict() for interface in network.interfaces]
    return "\n".join("".join(f"{name}={_write(value)}\n" for name, value in block.items()) for block in blocks)


def decode(text: str) -> Network:
    """Read encode()'s text back. Raises NetworkError where it is damaged."""
    interfaces, made = [], []
    try:
        for block in text.split("\n\n"):
            values = dict(line.split("=", 1) for line in block.splitlines())
            if "parameter" in values:
                made.append(Made(values["parameter"], values["value"], _read_cards(values["cards"])))
            elif values:
                read = {name: reader(values[name]) for name, reader in _READERS.items()}
                interfaces.append(Interface(**{**values, **read}))  # type: ignore[arg-type]
    except (ValueError, TypeError, KeyError) as error:
        raise NetworkError(f"network state: cannot be read: {error!r}") from error
    return Network(tuple(interfaces), tuple(made))


def _write(value: object) -> str:
    if isinstance(value, Route):
        return f"{value.destination}/{value.prefix},{value.gateway}"
    if isinstance(value, tuple):
        return " ".join(_write(item) or _NONE for item in value)
    return str(value)


def _read_list(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _read_cards(text: str) -> tuple[str, ...]:
    return tuple("" if word == _NONE else word for word in text.split())


def _read_routes(text: str) -> tuple[Route, ...]:
    routes = []
    for word in text.split():
        network, _, gateway = word.partition(",")
        destination, _, prefix = network.partition("/")
        routes.append(Route(destination, int(prefix), gateway))
    return tuple(routes)


# The fields of Interface that are no text.
_READERS: dict[str, Callable[[str], object]] = {
    **dict.fromkeys(("prefix", "mtu", "metric", "lease_seconds", "preferred"), int),
    **dict.fromkeys(("obtained", "renew_after", "rebind_after"), float),
    **dict.fromkeys(("dns", "search", "ntp", "fixed"), _read_list),
    "routes": _read_routes,
}
