"""What a root needs of the share it lies on, and what brings what is missing: the tables and the one line.

perform/share_probe.py looks; this says what it means. Field experience in short: SMB1 with UNIX extensions carries all
of it; SMB 3.1.1 with POSIX extensions (kernels up to 6.12) keeps neither owners nor the bits beyond 0777; without
extensions there are emulations of links, devices and fifos (mfsymlinks, sfu), and nothing else.
"""

from __future__ import annotations

from init.system.stdlib import NamedTuple

# All that is looked at, in the order in which it is told.
NEEDS = (
    "writing", "room", "symlinks", "hard links", "device nodes", "fifos", "sockets", "modes", "set-user-ID bits",
    "the modes of new files", "owners", "executing scripts", "locks", "case in names", "names with : and \\",
    "replacing files in use",
)  # fmt: skip

_SMB1 = 'vers=1.0 with "server min protocol = NT1" and "unix extensions = yes" on the server'
_SMB3 = 'vers=3.1.1,posix with "smb3 unix extensions = yes" on the server'
_CONTAINER = "put the root into a container (loop=)"
_ROOT_USER = '"force user = root" in the share\'s section on the server'

# Mount options that take something away, and what; forceuid is what cifs makes of uid=.
_TAKEN_AWAY = {
    "noexec": "executing scripts", "nodev": "device nodes", "nosuid": "set-user-ID bits", "forceuid": "owners",
}  # fmt: skip
# Mount options that bring something without any extension of the protocol.
_EMULATED = {"symlinks": "mfsymlinks", "device nodes": "sfu", "fifos": "sfu", "locks": "nobrl"}
_NOTHING = {"writing": f'"read only = no" and {_ROOT_USER}', "room": "room or quota on the server"}
# What the server's configuration decides where it speaks UNIX extensions.
_UNIX = {
    "device nodes": _ROOT_USER, "owners": _ROOT_USER, "modes": _ROOT_USER, "set-user-ID bits": _ROOT_USER,
    "the modes of new files": '"create mask = 0777" and "directory mask = 0777" in the share\'s section',
    "case in names": '"case sensitive = yes" in the share\'s section',
    "locks": "nobrl",
}  # fmt: skip
# The POSIX extensions of SMB 3.1.1: Samba keeps special files in extended attributes, ksmbd keeps none.
_KEPT = '"store dos attributes = yes" on Samba, on a file system with extended attributes, or mfsymlinks,sfu for posix'
_POSIX = {
    **_UNIX, "owners": _SMB1, "set-user-ID bits": _SMB1, "symlinks": _KEPT, "device nodes": _KEPT, "fifos": _KEPT,
    "sockets": _KEPT,
}  # fmt: skip


class Look(NamedTuple):
    """What a look at the share has shown."""

    lacks: tuple[str, ...]  # of NEEDS
    options: tuple[str, ...]  # the mount's, as the kernel's mount table has them
    trouble: str = ""  # why not everything was looked at, "" where it was


def advise(look: Look) -> str:
    """The one line: what the share lacks, what brings it; "" where nothing is missing."""
    lacks = [need for need in NEEDS if need in look.lacks]
    if not lacks:
        return ""
    guilty = {word: need for word, need in _TAKEN_AWAY.items() if word in look.options and need in lacks}
    shown = ["uid= (forceuid)" if word == "forceuid" else word for word in guilty]
    ways = [f"take {' and '.join(shown)} away"] if guilty else []
    ways += _brings([need for need in lacks if need not in guilty.values()], look.options)
    return f"the share lacks {', '.join(lacks)}: {'; '.join([*ways, f'or {_CONTAINER}'])}"


def _brings(lacks: list[str], options: tuple[str, ...]) -> list[str]:
    """The options and settings that bring what is lacked."""
    if not lacks:
        return []
    if lacks[0] in _NOTHING:  # and nothing more is known
        return [_NOTHING[lacks[0]]]
    if "posix" in options:
        return list(dict.fromkeys(_POSIX.get(need, _SMB1) for need in lacks))
    if "unix" in options:
        return list(dict.fromkeys(_UNIX.get(need, "another server") for need in lacks))
    emulation = dict.fromkeys(_EMULATED.get(need, "") for need in lacks)
    if "" not in emulation and not any(word in options for word in emulation):
        return [",".join(emulation)]
    if "vers=1.0" in options:
        return ['"unix extensions = yes" on the server, and no nounix here']
    return [f"{_SMB1}, or {_SMB3}"]
