"""IPv6 addresses as text, and what they are good for."""

from init.wire import ip6


def test_texts() -> None:
    assert ip6.text(bytes(15) + b"\1") == "::1"
    assert [ip6.packed(text) for text in ("fe80::1%eth0", "1.2.3.4", "\0")] == [None] * 3
    hosts = [
        one for one in ("::", "::1", "::ffff:1.2.3.4", "ff02::1", "fe80::1") if ip6.is_host(ip6.packed(one) or b"")
    ]
    assert hosts == ["fe80::1"]
    assert ip6.is_link_local(ip6.packed("febf::1") or b"")
    assert not ip6.is_link_local(ip6.packed("fec0::1") or b"")
