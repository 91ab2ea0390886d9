"""What the command line says of modules: parameters for them, and which are not to be loaded.

`loop.max_loop=3` gives a module a parameter, as modprobe(8) takes it from there; `modprobe.blacklist=`, dracut's
`rd.driver.blacklist=` and initramfs-tools' `blacklist=` name modules that no device brings in; those of
`module_blacklist=` the kernel itself refuses (kernel/module/main.c). dracut's `rd.driver.pre=` and systemd's
`rd.modules_load=` name some to be loaded before any device asks.
"""

from __future__ import annotations

from init.cmdline.words import CommandLine
from init.system.stdlib import NamedTuple

_BLACKLISTS = ("modprobe.blacklist", "rd.driver.blacklist", "blacklist")
_OTHERS = ("rd", "modprobe")  # what other words begin with
_FIRST = ("rd.driver.pre", "rd.modules_load", "rd.modules-load")


class ModuleWords(NamedTuple):
    """Names of modules have underscores, as the kernel knows them."""

    parameters: tuple[tuple[str, str], ...] = ()  # module and "name=value", as the kernel is given it, in order
    blacklist: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()  # by the kernel
    first: tuple[str, ...] = ()  # to be loaded before any device asks


def parse(line: CommandLine) -> ModuleWords:
    """Pick out the words for modules; those for other programs ("systemd.unit=") look alike and find no module."""
    parameters = []
    for word, value in line.words:
        module, _, name = word.partition(".")
        if module and name and module not in _OTHERS:
            parameters.append((_normal(module), name if value is None else f"{name}={_quoted(value)}"))
    return ModuleWords(
        tuple(parameters), _names(line, *_BLACKLISTS), _names(line, "module_blacklist"), _names(line, *_FIRST)
    )


def _names(line: CommandLine, *words: str) -> tuple[str, ...]:
    values = (value for word in words for value in line.all(word))
    return tuple(_normal(name) for value in values for name in value.split(",") if name)


def _normal(name: str) -> str:
    return name.replace("-", "_")


def _quoted(value: str) -> str:
    """With the quotes that the parser took off, where the kernel's parser of parameters needs them again."""
    return f'"{value}"' if '"' not in value and any(character.isspace() for character in value) else value
