"""What objects load by name while they run, told by no DT_NEEDED: unwinder, name service, `.note.dlopen`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mkinitfs.elf.elf import DATABASES, UNWINDING
from mkinitfs.elf.ldsearch import Loaded
from mkinitfs.sysroot import Sysroot

NSSWITCH = "/etc/nsswitch.conf"

_BUILT_IN_SINCE = 34  # glibc 2.34 has `files` and `dns` inside libc.so.6 (its NEWS)
_BUILT_IN = ("files", "dns")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A library to load by name."""

    names: tuple[str, ...]  # the first of them that is there
    needer: Loaded
    reason: str
    required: bool  # whether it is an error that none is there


def wanted(sysroot: Sysroot, objects: Iterable[Loaded], nss: Iterable[str] = ()) -> Iterator[Wanted]:
    """What the objects of one glibc program load by name; `nss` are services wanted beside files and dns.

    pthread_cancel and pthread_exit unwind with libgcc_s. A service of nsswitch.conf is the module
    libnss_SERVICE. Of the dlopen notes, `required` ones have to be there, `recommended` ones may be missing,
    `suggested` ones are left out.
    """
    loaded, explicit = list(objects), list(nss)
    libc = next((each for each in loaded if each.info.soname == "libc.so.6"), None)
    for each in loaded:
        if libc and each is not libc:
            unwinding = sorted(each.info.calls & UNWINDING)
            if unwinding:
                yield Wanted(("libgcc_s.so.1",), libc, f"needed by {each.real} ({unwinding[0]})", False)
            for service, call in _services(sysroot, each, libc, explicit):
                reason = f"needed by {each.real} ({call})"
                yield Wanted((f"libnss_{service}.so.2",), libc, reason, service in explicit)
        for note in each.info.dlopens:
            if note.priority in ("required", "recommended") and note.sonames:
                reason = f"needed by {each.real} (dlopen{', ' + note.feature if note.feature else ''})"
                yield Wanted(note.sonames, each, reason, note.priority == "required")


def _services(sysroot: Sysroot, each: Loaded, libc: Loaded, explicit: list[str]) -> Iterator[tuple[str, str]]:
    """The services that `each` has its names looked up by, with the call that does it."""
    outside = [] if (libc.info.glibc or 0) >= _BUILT_IN_SINCE else list(_BUILT_IN)
    if not (outside or explicit):
        return
    called = {
        database: call
        for database, names in DATABASES.items()
        for call in names
        if each.info.calls & {call, call + "_r"}
    }
    configured = services(sysroot.read_text(NSSWITCH)) if called and sysroot.is_file(NSSWITCH) else {}
    for database, call in called.items():
        for service in configured.get(database, ("files", "dns") if database == "hosts" else ("files",)):
            if service in outside:
                yield service, call
        yield from ((service, call) for service in explicit if service not in outside or database == "hosts")


def services(nsswitch: str) -> dict[str, tuple[str, ...]]:
    """The services of each database in an nsswitch.conf(5); what stands in brackets are actions."""
    databases: dict[str, tuple[str, ...]] = {}
    for line in nsswitch.splitlines():
        database, colon, rest = line.partition("#")[0].partition(":")
        while "[" in rest and "]" in rest.partition("[")[2]:
            before, _, after = rest.partition("[")
            rest = f"{before} {after.partition(']')[2]}"
        if colon:
            databases.setdefault(database.strip(), tuple(rest.split()))
    return databases
