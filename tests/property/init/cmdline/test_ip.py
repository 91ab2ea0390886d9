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
    st.lists(st.text(alphabet="0123456789.:,dhcpofne[]x/ \udc80", max_size=40), max_size=3),
    st.none() | st.text(max_size=20),
)
def test_only_grammar_errors(values: list[str], bootif: str | None) -> None:
    with contextlib.suppress(GrammarError):
        assert parse(values, bootif)


@given(*[addresses] * 7, names, names, st.sampled_from(["", "eth0", "wan.5"]), st.sampled_from(["", *AUTOCONF]))
def test_ten_fields(
    client: str,
    server: str,
    gateway: str,
    dns0: str,
    dns1: str,
    ntp: str,
    other: str,
    host: str,
    domain: str,
    device: str,
    word: str,
) -> None:
    hostname = f"{host}.{domain}" if domain else host
    fields = [
        client,
        server,
        gateway,
        "255.255.128.0" if client else "",
        hostname,
        device,
        word,
        dns0,
        dns1,
        ntp,
    ]
    meaning = {"none": "off", "on": "any"}
    assert parse([":".join(fields)]) == (
        Request(
            client=client,
            server=server,
            gateway=gateway,
            netmask="255.255.128.0" if client else "",
            hostname=host,
            domain=domain,
            device=device,
            autoconf=meaning.get(word, word),
            dns=tuple(filter(None, (dns0, dns1))),
            ntp=(ntp,) if ntp else (),
        ),
    )
