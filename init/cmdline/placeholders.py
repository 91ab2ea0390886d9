"""What stands for this machine's own names in a path of the command line: %m, %h, %i, %u, and %% for a percent sign."""

from __future__ import annotations

NAMES = {"m": "MAC", "h": "host name", "i": "IP address", "u": "UUID of the product"}

# A name is one part of a path; a MAC address has hyphens for its colons, as in pxelinux's file names.
_IN_A_PATH = str.maketrans({"/": "-", "\\": "-", "\0": "-", ":": "-"})


def mistake(path: str) -> str:
    """What is wrong with the percent signs of `path`, "" where they are right."""
    for after in path.replace("%%", "").split("%")[1:]:
        if after[:1] not in NAMES:
            known = ", ".join(f"%{letter} ({name})" for letter, name in NAMES.items())
            return f"%{after[:1]} is none of {known}, %%"
    return ""


def expand(path: str, names: dict[str, str]) -> str:
    """Put `names`, by the letters of NAMES, into `path`. Raises KeyError with the letter that nothing is known for.

    No name that came over the network leads out of the folder it stands in.
    """
    done, rest = "", path
    while "%" in rest:
        before, _, after = rest.partition("%")
        name = "%" if after[:1] == "%" else names[after[:1]].translate(_IN_A_PATH)
        if not name.strip("."):
            raise KeyError(after[:1])
        done, rest = done + before + name, after[1:]
    return done + rest
