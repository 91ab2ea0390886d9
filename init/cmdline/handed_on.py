"""What the kernel has handed to /init that the real init is to get: neither our own words nor anything secret.

Parameters that the kernel does not know it puts into init's environment, and among its arguments where they stand alone
(init/main.c, unknown_bootoption).
"""

from __future__ import annotations

from init.cmdline import secrets
from init.system.stdlib import Iterable, Mapping

_OURS = (
    "cifsroot", "nfsroot", "nfsrootdebug", "nfsaddrs", "ip", "BOOTIF", "loop", "loopfstype", "loopflags",
    "vlan", "bond", "netroot", "nfsopts", "cifsuser", "cifspass",
)  # fmt: skip

_LOCALE = ("LANG", "LC_")  # an @ stands before a modifier there, as in ca_ES@valencia (locale(7))


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment, without what belongs to a module or to rd.*, and without what can hold a secret."""
    return {
        name: value
        for name, value in variables.items()
        if name not in _OURS
        and "." not in name
        and ("@" not in value or name.startswith(_LOCALE))
        and not secrets.found([(name, value)])
    }


def arguments(words: Iterable[str]) -> tuple[str, ...]:
    """The arguments."""
    return tuple(word for word in words if word not in _OURS and not secrets.in_text(word))
