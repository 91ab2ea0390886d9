"""kmod's own modprobe tells what it reads in a folder of modprobe.d: so do we."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mkinitfs.modules.modprobe_conf import parse
from tests.command import run
from tests.kernels import ENV

SAMPLE = """\
# a comment
options snd-pcsp index=-2
options\ta  x="b c"   y z\t
options a \\
  joined=1 \\\\ kept
options b path=C:\\\\x and\\more
alias pci:v*d[0-9A-F]-* my-driver
alias a[ b
alias x y z
blacklist some-thing else
blacklist
 blacklist indented
install usb-storage /bin/true
install a /sbin/modprobe --ignore-install a && echo "done"
softdep a pre: b c post: d-e
remove a /bin/false
nonsense a b
options late last=1"""

COMMANDS = ("blacklist", "alias", "options", "install")  # softdeps are printed with a blank lost
word = st.text(st.sampled_from('ab-_[]*x="\\#:.'), min_size=1, max_size=6)
line = st.builds(
    lambda words, space, end: space.join(words) + end,
    st.lists(st.sampled_from(COMMANDS) | word, max_size=5),
    st.sampled_from([" ", "\t", "  "]),
    st.sampled_from(["\n", "\n", "\\\n", " \\\n", ""]),
)


def modprobes(folder: Path) -> list[tuple[str, ...]]:
    """What modprobe has read, by words, in its order within each command."""
    where = ["-C", str(folder), "-d", str(folder), "-S", "6.6.6"]
    output = run(["modprobe", "-c", *where], env=ENV).partition("\n# End of configuration files")[0]
    found = [tuple(line.split()) for line in output.splitlines() if line.startswith(COMMANDS)]
    return sorted(found, key=lambda words: COMMANDS.index(words[0]))


def ours(text: str) -> list[tuple[str, ...]]:
    found = [tuple(str(one).split()) for one in parse(text) if one.command in COMMANDS]
    return sorted(found, key=lambda words: COMMANDS.index(words[0]))


@pytest.fixture(scope="module")
def compare(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], None]:
    """Compares the two readers; the kernel command line of this machine, which modprobe reads, too, is left out."""
    folder = tmp_path_factory.mktemp("conf")
    (folder / "lib/modules/6.6.6").mkdir(parents=True)
    machine = modprobes(folder)

    def compare(text: str) -> None:
        (folder / "a.conf").write_text(text)
        theirs = modprobes(folder)
        assert ours(text) == [one for one in theirs if one not in machine], text

    return compare


def test_a_sample(compare: Callable[[str], None]) -> None:
    compare(SAMPLE)
    assert len(ours(SAMPLE)) == 11


@settings(max_examples=150, deadline=None)
@given(st.lists(line, max_size=6).map("".join))
def test_whatever_a_file_holds(compare: Callable[[str], None], text: str) -> None:
    compare(text)
