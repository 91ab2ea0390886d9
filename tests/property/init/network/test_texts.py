"""The texts for other programs."""

import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

from init.cmdline.ip_request import Request
from init.network import state, texts
from tests.unit.init.network.samples import LINK


@settings(max_examples=25)
@given(st.text(alphabet=st.characters(min_codepoint=32, blacklist_categories=["Cs", "Cc"]), max_size=30))
def test_a_shell_reads_back_what_was_meant(text: str) -> None:
    conf = texts.klibc_conf(state.static(Request(client="1.2.3.4"), LINK)._replace(rootpath=text), 1)
    shown = subprocess.run(["sh", "-c", conf + 'printf %s "$ROOTPATH"'], capture_output=True, check=True)
    assert (shown.stdout.decode(), shown.stderr) == (text, b"")
