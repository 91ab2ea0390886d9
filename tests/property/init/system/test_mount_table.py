"""Names of any kind come back from mountinfo as they were."""

from hypothesis import given
from hypothesis import strategies as st

from init.system.mount_table import parse_mountinfo, unescape

names = st.text(alphabet=st.characters(blacklist_characters="\0"), max_size=30) | st.text(
    alphabet=" \\\n\t#047\v\f\x1c\x85\u2028\udc80-/", max_size=30
)


def mangled(name: str) -> str:
    """As the kernel's seq_path(m, path, " \\t\\n\\\\#") does it (fs/proc_namespace.c)."""
    return "".join(f"\\{ord(letter):03o}" if letter in " \t\n\\#" else letter for letter in name)


@given(names)
def test_escapes_are_undone(name: str) -> None:
    assert unescape(mangled(name)) == name


@given(st.lists(st.tuples(names, names, names), min_size=1, max_size=5))
def test_each_mount_stays_one_line(rows: list[tuple[str, str, str]]) -> None:
    text = "".join(
        f"{number} 1 0:5 {mangled('/' + root)} {mangled('/' + point)} rw shared:1 - cifs {mangled(source)} rw,hard\n"
        for number, (root, point, source) in enumerate(rows)
    )
    found = parse_mountinfo(text)
    assert [(mount.root, mount.point, mount.source) for mount in found] == [
        ("/" + root, "/" + point, source) for root, point, source in rows
    ]
