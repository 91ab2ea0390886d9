"""The network's state as text."""

import pytest

from init.network.record import decode, encode
from init.network.state import Network, NetworkError
from tests.unit.init.network.samples import LEASED, MADE, SIX, STATIC


@pytest.mark.parametrize(
    "network_", [Network(()), Network((STATIC,)), Network((LEASED, STATIC)), Network((SIX, LEASED), MADE)]
)
def test_the_state_reads_back(network_: Network) -> None:
    assert decode(encode(network_)) == network_


def test_a_damaged_state_is_an_error() -> None:
    text = encode(Network((LEASED,)))
    changed = [text.replace(*words) for words in (("prefix=24", "prefix=x"), ("mtu=", "utm="), ("/16", "/"))]
    for damaged in (*changed, "x", text + "what=1\n"):
        with pytest.raises(NetworkError, match="network state: cannot be read"):
            decode(damaged)
