"""modprobe.d(5) of the image: what the builder wrote of the target's settings, and what the user has added.

The image's modprobe, which the kernel executes, reads the same files. What the command line says is added to them, so
that it means the same for both: busybox takes a module's name there only as it is spelt, and knows no blacklist there.
"""

from __future__ import annotations

from init.cmdline.modules import ModuleWords
from init.perform.modules import ModuleIndex, matches, normal

# What an install command executes that only keeps its module out, whatever stands behind it for the shell; as the
# builder has it (mkinitfs/modules/modprobe_conf.py).
_SWITCHED_OFF = ("true", "false", "nologin", "exit", ":")


class ModprobeConf:
    """Settings by module name, with underscores."""

    def __init__(self) -> None:
        self.options: dict[str, list[str]] = {}
        self.blacklist: set[str] = set()
        self.switched_off: set[str] = set()
        self._aliases: list[tuple[str, str]] = []

    def read(self, text: str) -> None:
        """Add the settings of one file; what is none is passed over."""
        for line in text.replace("\\\n", "").split("\n"):
            command, name, rest = (*line.split(None, 2), "", "", "")[:3]
            if command == "alias" and rest:
                self._aliases.append((_underscores(name), normal(rest.split()[0])))
            elif command == "options" and rest:
                self.options.setdefault(normal(name), []).append(rest.strip())
            elif command == "blacklist" and name:
                self.blacklist.add(normal(name))
            elif command == "install" and _is_nothing(rest):
                self.switched_off.add(normal(name))

    def aliased(self, alias: str) -> list[str] | None:
        """The modules that an alias of these files stands for; None where there is none, and the kernel's own count."""
        if not self._aliases:
            return None
        spelt = _underscores(alias)
        return [name for pattern, name in self._aliases if matches(pattern, spelt)] or None

    def parameters(self, name: str) -> str:
        """What the kernel is to be given with the module `name`; of a parameter that is there twice the last counts."""
        return " ".join(self.options.get(normal(name), ()))


def _is_nothing(command: str) -> bool:
    program = (command.split() or [""])[0].rpartition("/")[2]
    return program in _SWITCHED_OFF and not set(command) & set(";&|")


def _underscores(alias: str) -> str:
    """An alias with "-" as "_" but between brackets, as libkmod compares them."""
    letters, inside = "", False
    for letter in alias:
        inside = letter == "[" or (inside and letter != "]")
        letters += "_" if letter == "-" and not inside else letter
    return letters


def from_words(words: ModuleWords, modules: ModuleIndex) -> str:
    """The file of modprobe.d for what the command line says of `modules`; "" for nothing."""
    lines = [f"options {name} {text}" for name, text in words.parameters if name in modules]
    lines += [f"blacklist {name}" for name in words.blacklist if name in modules]
    return "".join(f"{line}\n" for line in lines)
