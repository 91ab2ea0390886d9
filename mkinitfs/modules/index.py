"""modules.dep and its companions for exactly the modules that are in the image.

Two readers: `/init`, and busybox modprobe, which the kernel runs for what it asks for by name
(`/sbin/modprobe -q -- crypto-gcm`). busybox (modutils/modprobe.c) reads the text files modules.dep,
modules.alias and modules.builtin; it knows no softdeps, loads a line of modules.dep from its end to its
beginning, and gives up at the first module that fails. Therefore soft needs are folded into modules.dep here,
so that they are loaded before the module, each after its own needs: a softdep's "pre:", and what a module
asks for by name (needs.py) unless only the mount options tell which of it. Not folded are

- what itself needs the module, or is needed on the way to it: it can only come later, by its alias;
- what may refuse to load on a lesser processor (arch/) or without its engine (drivers/crypto/): ENODEV
  there would end the whole line. It stays in the image, for its aliases and for coldplug.
"""

from collections.abc import Iterator

from mkinitfs.modules.closure import Closure, resolve
from mkinitfs.modules.depmod import Module
from mkinitfs.modules.needs import NEEDS, OFFLOAD
from mkinitfs.modules.softdep import Softdep, softdep_line

# cifs asks for one or two of its ten ciphers, as the server and the options have it: the kernel fetches those
# by alias. What such a template needs in turn comes with it in the same run of modprobe.
# It asks for PHYs and for a switch's tags in the same way, when it has seen which.
_LEFT_TO_THE_KERNEL = frozenset({"cifs", "nfs", "fat", "rpcsec_gss_krb5", "libphy", "dsa_core"})
_MAY_REFUSE = ("kernel/arch/", OFFLOAD)


def index_files(closure: Closure) -> dict[str, str]:
    """The text of each index by file name: modules.dep, .alias, .softdep, .builtin, .order.

    Only modules of the closure occur, with the paths they have in the image; lines are in the original order.
    modules.symbols is left out: symbol_request() serves media tuners and the like, nothing that boots.
    """
    kernel, chosen = closure.kernel, closure.chosen
    order = [chosen[name].module for name in kernel.lines if name in chosen]
    return {
        "modules.dep": "".join(_dep_line(closure, module) for module in order),
        "modules.alias": "".join(f"alias {pattern} {name}\n" for pattern, name in kernel.alias_lines if name in chosen),
        "modules.softdep": "".join(
            softdep_line(module.name, kernel.softdeps[module.name])
            for module in order
            if module.name in kernel.softdeps
        ),
        "modules.builtin": kernel.builtin_text,
        "modules.order": "".join(f"{module.image_path}\n" for module in order),
    }


def _dep_line(closure: Closure, module: Module) -> str:
    needs = load_order(closure, module.name)[:-1]
    paths = "".join(f" {closure.chosen[name].module.image_path}" for name in reversed(needs))
    return f"{module.image_path}:{paths}\n"


def load_order(closure: Closure, name: str) -> tuple[str, ...]:
    """The modules of the image that loading `name` takes, in order, itself last; built-ins are not named."""
    order: dict[str, None] = {}
    under_way: list[str] = []

    def visit(current: str) -> None:
        if current in order or current in under_way:
            return
        under_way.append(current)
        for dependency in _depends(closure, current):
            visit(dependency)
        for module in _folded(closure, current):
            # A circle: what is under way would have to be loaded before itself.
            if not {module, *_depends(closure, module)} & {*under_way}:
                visit(module)
        under_way.pop()
        if current in closure.chosen:
            order[current] = None

    visit(name)
    return tuple(order)


def _depends(closure: Closure, name: str) -> tuple[str, ...]:
    return closure.chosen[name].module.depends if name in closure.chosen else ()


def _folded(closure: Closure, name: str) -> Iterator[str]:
    """What busybox modprobe is to load before `name` although it is no hard dependency."""
    needs = closure.kernel.softdeps.get(name, Softdep()).pre
    if name not in _LEFT_TO_THE_KERNEL:
        needs += NEEDS.get(name, ())
    for need in needs:
        for module in resolve(closure.kernel, need):
            if module not in closure.chosen:
                if module in closure.builtin:
                    yield module  # for its own soft needs
            elif not closure.chosen[module].module.path.startswith(_MAY_REFUSE):
                yield module
