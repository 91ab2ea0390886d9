"""ip= never fails but with its own error, and reads back what a Request says."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from init.cmdline.ip import AUTOCONF, parse
from init.cmdline.ip_request import GrammarError, Request

octets = st.integers(1, 223).filter(lambda number: number != 127)
addresses = st.one_of(st.just(""), st.builds("{}.{}.{}.{}".format, octets, *[st.integers(0, 255)] * 3))
names = st.text(alphabet="abcXYZ09-_", max_size=10)


@given(
    st.lists(st.text(alphabet="0123456789.:,dhcpofne[]x/ ${}\udc80", max_size=40), max_size=3),
    st.none() | st.text(max_size=20) | st.text("0123456789abcdefG-:", max_size=24),
)
def test_only_grammar_errors(values: list[str], bootif: str | None) -> None:
    with contextlib.suppress(GrammarError):
        assert parse(values, bootif)


@given(st.text(alphabet="0123456789.:,dhcpauto6[]x/ \udc80", max_size=40), st.sampled_from(["", ":auto6", "[fd00::1]"]))
def test_only_grammar_errors_for_ipv6(value: str, more: str) -> None:
    with contextlib.suppress(GrammarError):
        assert parse([value + more])


@given(
    st.tuples(*[addresses] * 6), names, names, st.sampled_from(["", "eth0", "wan.5"]), st.sampled_from(["", *AUTOCONF])
)
def test_ten_fields(given_addresses: tuple[str, ...], host: str, domain: str, device: str, word: str) -> None:
    client, server, gateway, dns0, dns1, ntp = given_addresses
    netmask = "255.255.128.0" if client else ""
    hostname = f"{host}.{domain}" if domain else host
    fields = [client, server, gateway, netmask, hostname, device, word, dns0, dns1, ntp]
    servers = {"dns": tuple(filter(None, (dns0, dns1))), "ntp": (ntp,) if ntp else ()}
    meaning = {"none": "off", "on": "any"}.get(word, word)
    request = Request(client, server, gateway, netmask, host, domain, device, autoconf=meaning, **servers)
    assert parse([":".join(fields)]) == (request,)
