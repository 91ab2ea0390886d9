"""The one line that is said of a share that lacks something of what a root needs."""

import pytest

from init.boot.share_needs import NEEDS, Look, advise

UNIX = ("rw", "vers=1.0", "unix")
POSIX = ("rw", "vers=3.1.1", "posix")
BARE = ("rw", "vers=3.1.1", "nounix")
SMB1 = 'vers=1.0 with "server min protocol = NT1" and "unix extensions = yes" on the server'
ROOT = '"force user = root" in the share\'s section on the server'


@pytest.mark.parametrize(
    ("lacks", "options", "line"),
    [
        (("owners", "device nodes"), BARE,
         f'device nodes, owners: {SMB1}, or vers=3.1.1,posix with "smb3 unix extensions = yes" on the server'),
        (("owners", "device nodes"), UNIX, f"device nodes, owners: {ROOT}"),
        (("owners",), POSIX, f"owners: {SMB1}"),
        (("symlinks",), BARE, "symlinks: mfsymlinks"),
        (("fifos", "symlinks", "device nodes"), BARE, "symlinks, device nodes, fifos: mfsymlinks,sfu"),
        (("locks",), BARE, "locks: nobrl"),
        (("modes",), ("vers=1.0", "nounix"), 'modes: "unix extensions = yes" on the server, and no nounix here'),
        (("owners",), (*UNIX, "forceuid"), "owners: take uid= (forceuid) away"),
        (("device nodes", "locks"), (*UNIX, "nodev"), "device nodes, locks: take nodev away; nobrl"),
        (("writing",), UNIX, f'writing: "read only = no" and {ROOT}'),
        (("room",), POSIX, "room: room or quota on the server"),
        (("the modes of new files",), UNIX,
         'the modes of new files: "create mask = 0777" and "directory mask = 0777" in the share\'s section'),
    ],
)  # fmt: skip
def test_the_line(lacks: tuple[str, ...], options: tuple[str, ...], line: str) -> None:
    assert advise(Look(lacks, options)) == f"the share lacks {line}; or put the root into a container (loop=)"


@pytest.mark.parametrize("options", [UNIX, POSIX, BARE, ("vers=1.0", "nounix")])
@pytest.mark.parametrize("need", NEEDS)
def test_every_need_has_a_way(need: str, options: tuple[str, ...]) -> None:
    line = advise(Look((need,), options))
    assert line.startswith(f"the share lacks {need}: ")
    assert "\n" not in line
    assert len(line) < 400
