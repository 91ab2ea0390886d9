"""What a root needs of the share it lies on, and what brings what is missing: the tables and the one line.

perform/share_probe.py looks; this says what it means. Field experience in short: SMB1 with UNIX extensions carries all
of it, except that what a user makes is the server's user's (nothing in the protocol says who makes a file, and
`setuids`, of either sense, changes nothing); SMB 3.1.1 with POSIX extensions (kernels up to 7.3 at least, Samba up to
4.25) keeps neither owners nor the bits beyond 0777; without extensions there are emulations of links, devices and fifos
(mfsymlinks, sfu), and nothing else.
"""

from __future__ import annotations

from init.system.stdlib import NamedTuple

USERS_FILES = "users' new files"
# All that is looked at, in the order in which it is told.
NEEDS = (
    "writing", "room", "symlinks", "hard links", "device nodes", "fifos", "sockets", "modes", "set-user-ID bits",
    "the modes of new files", "owners", USERS_FILES, "executing scripts", "locks", "case in names",
    "names with : and \\", "replacing files in use",
)  # fmt: skip

_SMB1 = 'vers=1.0 with "server min protocol = NT1" and "unix extensions = yes" on the server'
_CONTAINER = "put the root into a container (loop=)"
_ROOT_USER = '"force user = root" in the share\'s section on the server'
# A file in a folder of its maker's is then its maker's; in /tmp it still is root's.
_INHERIT = '"inherit owner = yes" in the share\'s section, and tmpfs on /tmp'
# What another client has stored by the mount option that is cifs's default where there are no extensions.
MAPPED = (
    "names on the share have U+F022 for a colon, as cifs stores them by mapposix: rename them on the server, "
    'as "A plain root" in mkinitfs(7) shows, or give mapposix in cifsroot='
)

# Mount options that take something away, and what; forceuid is what cifs makes of uid=.
_TAKEN_AWAY = {
    "noexec": ("executing scripts",), "nodev": ("device nodes",), "nosuid": ("set-user-ID bits",),
    "forceuid": ("owners", USERS_FILES),
}  # fmt: skip
# Mount options that bring something without any extension of the protocol.
_EMULATED = {"symlinks": "mfsymlinks", "device nodes": "sfu", "fifos": "sfu", "locks": "nobrl"}
_NOTHING = {"writing": f'"read only = no" and {_ROOT_USER}', "room": "room or quota on the server"}
# What the server's configuration decides where it speaks UNIX extensions.
_UNIX = {
    "symlinks": "unix in cifsroot=, and no symlink= there",
    "device nodes": _ROOT_USER, "owners": _ROOT_USER, "modes": _ROOT_USER, "set-user-ID bits": _ROOT_USER,
    USERS_FILES: _INHERIT,
    "the modes of new files": '"create mask = 0777" and "directory mask = 0777" in the share\'s section',
    "case in names": '"case sensitive = yes" in the share\'s section',
    "names with : and \\": "nomapposix in cifsroot=",
    "locks": "nobrl",
}  # fmt: skip
# The POSIX extensions of SMB 3.1.1: Samba keeps special files in extended attributes, ksmbd keeps none.
_KEPT = '"store dos attributes = yes" on Samba, on a file system with extended attributes, or mfsymlinks,sfu for posix'
_POSIX = {
    "symlinks": _KEPT, "device nodes": _KEPT, "fifos": _KEPT, "sockets": _KEPT,
    "case in names": _UNIX["case in names"], "locks": "nobrl",
    "names with : and \\": 'nomapposix in cifsroot=, and "mangled names = no" in the share\'s section',
}  # fmt: skip


class Look(NamedTuple):
    """What a look at the share has shown."""

    lacks: tuple[str, ...]  # of NEEDS
    options: tuple[str, ...]  # the mount's, as the kernel's mount table has them
    trouble: str = ""  # why not everything was looked at, "" where it was
    mapped: bool = False  # whether names lie there as another client's mapping has stored them


def advise(look: Look) -> str:
    """The one line: what the share lacks, what brings it; "" where nothing is missing."""
    lacks = [need for need in NEEDS if need in look.lacks]
    if not lacks:
        return ""
    guilty = [word for word in _TAKEN_AWAY if word in look.options and set(_TAKEN_AWAY[word]) & set(lacks)]
    taken = {need for word in guilty for need in _TAKEN_AWAY[word]}
    shown = ["uid= (forceuid)" if word == "forceuid" else word for word in guilty]
    ways = [f"take {' and '.join(shown)} away"] if guilty else []
    ways += _brings([need for need in lacks if need not in taken], look.options)
    return f"the share lacks {', '.join(lacks)}: {'; '.join([*ways, f'or {_CONTAINER}'])}"


def _brings(lacks: list[str], options: tuple[str, ...]) -> list[str]:
    """The options and settings that bring what is lacked."""
    if not lacks:
        return []
    if lacks[0] in _NOTHING:  # and nothing more is known
        return [_NOTHING[lacks[0]]]
    if "unix" in options:
        return list(dict.fromkeys(_UNIX.get(need, "another server") for need in lacks))
    if "posix" in options and all(need in _POSIX for need in lacks):
        return list(dict.fromkeys(_POSIX[need] for need in lacks))
    emulation = dict.fromkeys(_EMULATED.get(need, "") for need in lacks)
    if "posix" not in options and "" not in emulation and not any(word in options for word in emulation):
        return [",".join(emulation)]
    if "vers=1.0" in options:
        return ['"unix extensions = yes" on the server, and no nounix here']
    # The POSIX extensions are no way out: what has none now lacks owners, and so do they.
    return [_SMB1, *([_INHERIT] if USERS_FILES in lacks else [])]
