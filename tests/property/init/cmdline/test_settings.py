"""Any command line is understood or refused with its mistakes; test_secrets.py has the secrets."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from init.cmdline.cifsroot import DEFAULTS, Share
from init.cmdline.settings import STEPS, SettingsError, from_command_line
from init.cmdline.words import parse

NAMES = (
    "root", "cifsroot", "rootflags", "ip", "BOOTIF", "loop", "loopfstype", "loopflags", "ro", "rw", "init",
    "panic", "rootdelay", "rootwait", "rd.break", "rd.shell", "rd.retry", "rd.timeout", "rd.handoff", "debug",
)  # fmt: skip
values = st.text(alphabet='/\\=,.:-"ab0 1é\udc80eu', max_size=12) | st.sampled_from(
    ["/dev/cifs", "//s/x", "//s/x,user=a", "//server/share,vers=3.0,soft", "share", "5", "off", "dhcp", "-1", "1e9"]
)
words = st.builds(
    lambda name, value: name if value is None else f"{name}={value}",
    st.sampled_from(NAMES) | st.text(alphabet="ab=.", max_size=5),
    st.none() | values,
)


@given(st.lists(words, max_size=8).map(" ".join), st.text(alphabet="userpaswod=\n ", max_size=40))
def test_understood_or_refused(text: str, credentials: str) -> None:
    try:
        found = from_command_line(parse(text), credentials)
    except SettingsError as error:
        assert error.mistakes and all(": " in mistake for mistake in error.mistakes)
        return
    if not isinstance(found.source, Share):
        return  # root=dhcp; test_nfsroot.py
    assert found.source.unc.startswith("//") and found.source.unc[2:].partition("/")[0]
    assert found.breaks <= set(STEPS)
    given_names = [word.partition("=")[0] for word in found.source.options.split(",")]
    assert "vers" in given_names and ("hard" in given_names or "soft" in given_names)
    assert found.loop is None or ".." not in found.loop.path.split("/")


options = st.sampled_from(["soft", "vers=3.0", "user=a", "domain=d", "sec=ntlmssp", "guest", "noperm", ""])


@given(st.lists(options.filter(bool), max_size=5))
def test_what_the_user_gives_wins(chosen: list[str]) -> None:
    found = from_command_line(parse("cifsroot=//s/x," + ",".join(chosen))).source.options.split(",")
    assume("guest" not in chosen)
    for word in chosen:
        if word.partition("=")[0] in ("soft", "vers", "sec", "noperm"):
            assert word in found
    assert ("vers=3.1.1" in found) is ("vers=3.0" not in chosen)
    assert ("hard" in found) is ("soft" not in chosen)
    assert "hard" not in found or found.index("hard") < len(DEFAULTS)


def test_the_generator_reaches_both_ends() -> None:
    """Without this the property above might only ever see refusals."""
    assert from_command_line(parse("cifsroot=//s/x,user=a loop=a rd.break=share"))
    with pytest.raises(SettingsError):
        from_command_line(parse("rd.break=a"))
