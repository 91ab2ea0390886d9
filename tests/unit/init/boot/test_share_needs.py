"""The one line that is said of a share that lacks something of what a root needs."""

import pytest

from init.boot.share_needs import NEEDS, USERS_FILES, Look, advise

UNIX = ("rw", "vers=1.0", "unix")
POSIX = ("rw", "vers=3.1.1", "posix")
BARE = ("rw", "vers=3.1.1", "nounix")
SMB1 = 'vers=1.0 with "server min protocol = NT1" and "unix extensions = yes" on the server'
INHERIT = '"inherit owner = yes" in the share\'s section, and tmpfs on /tmp'
ROOT = '"force user = root" in the share\'s section on the server'


@pytest.mark.parametrize(
    ("lacks", "options", "line"),
    [
        (("owners", "device nodes"), BARE, f"device nodes, owners: {SMB1}"),
        (("owners", "device nodes"), UNIX, f"device nodes, owners: {ROOT}"),
        (("owners",), POSIX, f"owners: {SMB1}"),
        # As seen with kernels 6.12 and 7.3 and Samba 4.22 to 4.25: no setting of the POSIX extensions brings it.
        (("owners", "set-user-ID bits", USERS_FILES, "names with : and \\"), POSIX,
         f"set-user-ID bits, owners, users' new files, names with : and \\: {SMB1}; {INHERIT}"),
        (("names with : and \\",), POSIX,
         'names with : and \\: nomapposix in cifsroot=, and "mangled names = no" in the share\'s section'),
        (("the modes of new files", "owners"), POSIX, f"the modes of new files, owners: {SMB1}"),
        ((USERS_FILES,), UNIX, f"users' new files: {INHERIT}"),
        (("owners", USERS_FILES), BARE, f"owners, users' new files: {SMB1}; {INHERIT}"),
        (("symlinks",), UNIX, "symlinks: unix in cifsroot=, and no symlink= there"),
        (("symlinks",), BARE, "symlinks: mfsymlinks"),
        (("fifos", "symlinks", "device nodes"), BARE, "symlinks, device nodes, fifos: mfsymlinks,sfu"),
        (("locks",), BARE, "locks: nobrl"),
        (("modes",), ("vers=1.0", "nounix"), 'modes: "unix extensions = yes" on the server, and no nounix here'),
        (("owners",), (*UNIX, "forceuid"), "owners: take uid= (forceuid) away"),
        (("owners", USERS_FILES), (*UNIX, "forceuid"), "owners, users' new files: take uid= (forceuid) away"),
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
