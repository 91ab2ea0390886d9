"""Bytes as hexadecimal digits, undone."""

import pytest

from init.system.escapes import undone


@pytest.mark.parametrize(
    ("text", "mark", "plain"),
    [
        (r"CIFS: \x5c\x5cnas\x5cshare: BAD_NETWORK_NAME", r"\x", r"CIFS: \\nas\share: BAD_NETWORK_NAME"),
        (r"schw\xc3\xa4mm \xzz \x", r"\x", r"schwämm \xzz \x"),
        ("a%2Fb%40%3a%c3%9f", "%", "a/b@:ß"),
        ("100% %4 %00 %", "%", "100% %4 %00 %"),
        ("%ff", "%", "\udcff"),
        ("", "%", ""),
    ],
)
def test_undone(text: str, mark: str, plain: str) -> None:
    assert undone(text, mark) == plain
