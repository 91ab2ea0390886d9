"""What the builder writes of modprobe.d, and what the command line says, /init reads as it was meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from init.cmdline.modules import ModuleWords
from init.perform.modprobe_conf import ModprobeConf, from_words
from init.perform.modules import ModuleIndex
from mkinitfs.manifest import Bytes, File
from mkinitfs.modules.modprobe_conf import NOTHING, parse
from mkinitfs.modules.modprobe_conf import ModprobeConf as BuilderConf

NAMES = ("nic", "my_driver", "loop")
IMAGE = ModuleIndex("".join(f"k/{name}.ko:\n" for name in NAMES), "")

value = st.text(st.sampled_from('ab=,"\\ \t#-'), min_size=1, max_size=8)
line = st.builds(
    lambda command, name, rest: f"{command} {name} {rest}",
    st.sampled_from(["options", "blacklist", "alias"]),
    st.sampled_from(["nic", "my-driver", "my_driver", "loop", "other"]),
    value | st.sampled_from(NAMES),
)


@given(st.lists(line, max_size=8))
def test_builder_and_init_agree(lines: list[str]) -> None:
    meant = BuilderConf(tuple(parse("\n".join(lines))))
    entries = dict(meant.entries(NAMES))
    conf = ModprobeConf()
    for entry in entries.values():
        assert isinstance(entry, File) and isinstance(entry.content, Bytes)
        conf.read(entry.content.data.decode())
    of_image = [one for one in dict.fromkeys(meant.lines) if one.name in NAMES]
    assert conf.blacklist == {one.name for one in of_image if one.command == "blacklist"}
    for name in NAMES:
        options = [one.rest for one in of_image if (one.command, one.name) == ("options", name)]
        assert conf.parameters(name).split() == " ".join(options).split()
    for one in meant.of("alias"):
        if one.rest in NAMES:
            assert one.rest in (conf.aliased(one.name) or [])


@given(st.lists(st.tuples(st.sampled_from([*NAMES, "other"]), value.map(str.strip).filter(bool)), max_size=5))
def test_the_command_lines_words_come_back(pairs: list[tuple[str, str]]) -> None:
    conf = ModprobeConf()
    pairs = [(name, f"x={text}") for name, text in pairs if not text.endswith("\\")]
    conf.read(from_words(ModuleWords(tuple(pairs), ("loop", "other")), IMAGE))
    assert conf.blacklist == {"loop"}
    for name in NAMES:
        assert conf.parameters(name) == " ".join(text for one, text in pairs if one == name)


COMMANDS = (
    "/bin/true", "/bin/false # why", "/usr/bin/false", "true $CMDLINE_OPTS", "exit 1", "/sbin/nologin", ":",
    "/bin/true; /sbin/modprobe nic", "/bin/false || /sbin/setup", "/sbin/setup", "/usr/bin/truer", "/bin/true&&x",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_both_know_what_switches_a_module_off(command: str) -> None:
    conf = ModprobeConf()
    conf.read(f"install nic {command}\n")
    assert conf.switched_off == ({"nic"} if NOTHING.fullmatch(command) else set())


@given(st.text())
def test_whatever_stands_in_a_file(text: str) -> None:
    ModprobeConf().read(text)
    list(parse(text))
