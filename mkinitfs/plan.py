"""From a profile and a host's facts to the manifest of an image: what goes in, where, and why.

Nothing is written and nothing of the target is run; contents are read later, while the image is written. The
order of the parts does not matter: a manifest is sorted, and two different entries for one path are an error.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from mkinitfs import additions, kconfig, locations, skeleton
from mkinitfs.archive.compress import unpack_file
from mkinitfs.credentials import Credentials
from mkinitfs.elf import elf, ldcache, ldconf, ldso
from mkinitfs.errors import MkinitfsError
from mkinitfs.host import Host, Kernel
from mkinitfs.manifest import Bytes, Device, Directory, Entry, File, Manifest, Symlink
from mkinitfs.modules import binary_index, firmware, hardware, info, modprobe_conf
from mkinitfs.modules.closure import Closure, closure_of, resolve
from mkinitfs.modules.index import index_files
from mkinitfs.modules.modprobe_conf import ConfiguredModules, ModprobeConf
from mkinitfs.placement import place, placed
from mkinitfs.profile import Hardware, Profile
from mkinitfs.python import runtime as python_runtime
from mkinitfs.python.runtime import Python
from mkinitfs.sysroot import Sysroot, find_program

# Bytes that the staged ramdisk may keep for as long as the machine runs: more than the profiles here make of any
# Debian (amd64 11.9 MB, i386 12.2).
RAMDISK_LIMIT = 14_000_000
_PAGE = 4096
_SETTINGS = python_runtime.PACKAGE_FOLDER
Entries = Iterator[tuple[str, Entry]]
# How the reasons of links begin that give way to a program or file of the same path.
_APPLET, _LINK = "busybox applet, ", "link of "


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line adds to a profile."""

    hardware: Hardware | None = None  # in place of the profile's own
    modules: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    credentials: Credentials | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The manifest and what to tell the user."""

    manifest: Manifest
    warnings: tuple[str, ...] = ()
    ramdisk_size: int = 0  # bytes of memory that what is staged at boot takes
    details: tuple[str, ...] = ()  # for who wants to know all


def needs_kernel(profile: Profile, options: Options) -> bool:
    """Whether any module is asked for at all."""
    drivers = profile.hardware if options.hardware is None else options.hardware
    return bool(profile.modules or profile.load or options.modules or drivers)


def plan(profile: Profile, host: Host, options: Options, ramdisk: Profile | None = None) -> Plan:
    """The image of `profile` for `host`; `ramdisk` is the profile whose manifest is staged for the shutdown.

    Raises MkinitfsError for whatever is missing, unreadable or of the wrong kind.
    """
    entries = list(_userland(profile, host, options))
    warnings: list[str] = []
    details: list[str] = []
    if host.kernel and needs_kernel(profile, options):
        more, warnings, details = _modules_and_firmware(profile, host, host.kernel, options)
        entries += more
    if options.credentials:
        warnings += options.credentials.warnings
        entries.append(("etc/mkinitfs/credentials", File(Bytes(options.credentials.data), 0o600, "--credentials")))
        entries.append(("etc/mkinitfs", Directory(0o700, "holds the credentials")))
    if ramdisk:
        ramdisk = _with_programs_of(profile, ramdisk, host.sysroot)
    staged = Manifest(_settled(_userland(ramdisk, host, Options()) if ramdisk else ()))
    entries += staged.items()
    entries = list(_settled(entries))
    led, lost = additions.led_to(Manifest(entries), host.sysroot, _machine(host, _programs(profile, host.sysroot)))
    entries += led
    if lost:
        warnings.append(_lost(lost))
    cache = ldcache.entry(Manifest(entries), host.sysroot)
    if cache:
        entries.append(cache)
        if ldcache.entry(staged, host.sysroot):  # one cache serves both: what is not there is passed over
            staged = Manifest([*staged.items(), cache])
    size = _size(staged)
    if ramdisk:
        if size > RAMDISK_LIMIT:
            warnings.append(
                f"profile {ramdisk.name}: the staged ramdisk keeps {size / 1e6:.1f} MB of memory for as long as the "
                f"machine runs; mkinitfs plan --profile {ramdisk.name} shows what to leave out"
            )
        paths = [path for path, entry in staged.items() if not isinstance(entry, Device)]
        entries.append(_setting("ramdisk", paths, ramdisk))
    return Plan(Manifest(entries), tuple(warnings), size, tuple(details))


def _userland(profile: Profile, host: Host, options: Options) -> Entries:
    """All but the kernel's part."""
    sysroot = host.sysroot
    yield from skeleton.entries(sysroot)
    for path in profile.directories:
        yield from placed(sysroot, path, Directory(0o755, _origin(profile)))
    binaries = _programs(profile, sysroot)
    yield from _links(profile, sysroot, binaries)
    yield from _applets(profile, sysroot, binaries)
    if host.python and profile.entry_points:
        yield from _python(profile, host, host.python, binaries)
    machine = _machine(host, binaries)
    files = [path for path in profile.files if not path.startswith("?") or sysroot.find(path[1:])]
    for path in files:
        yield from additions.from_sysroot(sysroot, path.removeprefix("?"), _origin(profile), machine)
    for text in options.add:
        yield from additions.from_option(sysroot, text, machine)
    for path, reason in binaries.items():
        needed = ldso.closure(sysroot, [path], reason, machine=machine)
        yield from (item for item in needed if not _for_threads(*item, host))


def _settled(entries: Iterable[tuple[str, Entry]]) -> Entries:
    """The entries without those that another one replaces: a profile's links and busybox's applets by programs, files
    and what --add brings, the defaults of every image (/etc/hosts) by anything.
    """
    entries = list(entries)
    ranks: dict[str, int] = {}
    for path, entry in entries:
        ranks[path] = max(ranks.get(path, 0), _rank(entry))
    return ((path, entry) for path, entry in entries if _rank(entry) == ranks[path])


def _rank(entry: Entry) -> int:
    if entry.reason == skeleton.DEFAULT:
        return 0
    return 1 if entry.reason.startswith((_APPLET, _LINK)) else 2


def _links(profile: Profile, sysroot: Sysroot, binaries: Iterable[str]) -> Entries:
    """The profile's links; one with the name of a program leads to that (/sbin/modprobe, which the kernel executes)."""
    programs = {path.rpartition("/")[2]: path for path in binaries}
    for path, target in profile.symlinks.items():
        target = programs.get(path.rpartition("/")[2], target)
        yield from placed(sysroot, path, Symlink(target, f"{_LINK}{_origin(profile)}"))


def _with_programs_of(profile: Profile, ramdisk: Profile, sysroot: Sysroot) -> Profile:
    """`ramdisk` with the programs of `profile` that take an applet's place, as it is copied from that image."""
    applets = {place(sysroot, f"/bin/{name.removeprefix('?')}")[0] for name in ramdisk.applets}
    programs = (path for path in _programs(profile, sysroot) if place(sysroot, path)[0] in applets)
    return replace(ramdisk, programs=(*ramdisk.programs, *programs))


def _programs(profile: Profile, sysroot: Sysroot) -> dict[str, str]:
    """The paths of the profile's programs, each with its reason."""
    reason = f"program of {_origin(profile)}"
    return {find_program(sysroot, name): reason for name in _present(profile.programs, sysroot)}


def _machine(host: Host, binaries: Iterable[str]) -> str | None:
    """What every program of the image has to be for ("EM_X86_64"): the machine of its Python, or of its first."""
    files = ldso.elf_files(host.sysroot)
    for path in (*([host.python.executable] if host.python else ()), *binaries):
        if info := files.info(host.sysroot.require(path).real):
            return info.machine
    return None


def _for_threads(path: str, entry: Entry, host: Host) -> bool:
    """Whether an entry is the unwinder, wanted because Python can end a thread: early user space has none."""
    python = host.python.executable if host.python else None
    return "/libgcc_s.so" in f"/{path}" and entry.reason == f"needed by {python} (pthread_exit)"


def _origin(profile: Profile) -> str:
    return f"profile {profile.name}"


def _present(names: Iterable[str], sysroot: Sysroot) -> Iterator[str]:
    """The programs to look for: those with a "?" only where they are there."""
    for name in names:
        if not name.startswith("?"):
            yield name
            continue
        try:
            find_program(sysroot, name[1:])
        except MkinitfsError:
            continue
        yield name[1:]


def _applets(profile: Profile, sysroot: Sysroot, binaries: Iterable[str]) -> Entries:
    """Links in /bin for what busybox stands in for."""
    if not profile.applets:
        return
    busybox = next((path for path in binaries if path.endswith("/busybox")), None)
    if busybox is None:
        raise MkinitfsError(f"{_origin(profile)}: applets without busybox", 'add "busybox" to its programs')
    # Applet names lie in the program one after the other, each with its NUL (include/applet_tables.h).
    known = set(sysroot.read(busybox).split(b"\0"))
    missing = []
    target = place(sysroot, busybox)[0]
    for applet in profile.applets:
        name = applet.removeprefix("?")
        path = place(sysroot, f"/bin/{name}")[0]
        if name.encode() not in known:
            missing += [name] if name == applet else []
        else:
            near = path.rpartition("/")[0] == target.rpartition("/")[0]
            yield from placed(
                sysroot, f"/bin/{name}", Symlink("busybox" if near else f"/{target}", f"{_APPLET}{_origin(profile)}")
            )
    if missing:
        raise MkinitfsError(
            f"{busybox}: built without {', '.join(missing)} ({_origin(profile)}, applets)", "install the full busybox"
        )


def _python(profile: Profile, host: Host, python: Python, binaries: dict[str, str]) -> Entries:
    """Interpreter, modules and entry points; C modules join `binaries` for their libraries."""
    _check_abi(host.sysroot, python)
    package = locations.init_package()
    roots = [text.partition(":")[0] for text in profile.entry_points.values()]
    runtime = python_runtime.collect(host.sysroot, python, package, roots)
    binaries[python.executable] = "interpreter of early user space"
    binaries.update(runtime.extensions)
    for path, entry in runtime.entries:
        yield from placed(host.sysroot, f"/{path}", entry)
    for path, text in profile.entry_points.items():
        script = python_runtime.script(python, package, text)
        yield from placed(host.sysroot, path, File(Bytes(script), 0o755, f"entry point of {_origin(profile)}"))


def _check_abi(sysroot: Sysroot, python: Python) -> None:
    """Raise MkinitfsError where early user space would not know by which numbers to call the kernel."""
    info = ldso.elf_files(sysroot).info(sysroot.require(python.executable).real)
    if info and info.abi not in ldconf.ABIS:
        order = "little-endian" if info.little_endian else "big-endian"
        machine = f"{info.machine.removeprefix('EM_').lower()} of {info.elfclass} bits, {order}"
        raise MkinitfsError(
            f"{python.executable}: for {machine}: early user space does not know how to call that kernel",
            f"it knows {', '.join(sorted(abi.triplet for abi in ldconf.ABIS.values()))}",
        )


def _modules_and_firmware(
    profile: Profile, host: Host, kernel: Kernel, options: Options
) -> tuple[list[tuple[str, Entry]], list[str], list[str]]:
    """The kernel's part; warnings; details."""
    conf = modprobe_conf.read(host.sysroot)
    asked = (*profile.modules, *profile.load, *options.modules)
    closure, said = conf.without_switched_off(_modules(profile, kernel, options, conf), asked)
    modules = list(closure.entries())  # first: it tells which file is missing, and what to do
    # Beside the kernel where it was put there, file by file, else the target's own packages'.
    files = firmware.collect(closure, list({each.root: each for each in (kernel.tree, host.sysroot)}.values()))
    programs = _programs(profile, host.sysroot)
    kmod = any(host.sysroot.require(path).real.endswith("/kmod") for path in programs)
    parts = (*modules, *conf.entries(closure.chosen), *files.entries, *_indexes(closure, kmod=kmod))
    entries: list[tuple[str, Entry]] = []
    for path, entry in parts:
        entries += placed(host.sysroot, f"/{path}", entry)
    if profile.load:
        entries.append(_setting("modules", closure.loaded(profile.load), profile))
    warnings = [*said, *_check_kernel(closure, _machine(host, programs)), *files.warnings]
    return entries, warnings, list(files.details)


def _modules(profile: Profile, kernel: Kernel, options: Options, conf: ModprobeConf) -> Closure:
    modules = ConfiguredModules(kernel.modules, kernel.tree, conf)
    requests = [(name, _origin(profile)) for name in (*profile.modules, *profile.load)]
    requests += [(name, "--module") for name in options.modules]
    requests += hardware.requests(modules, profile.hardware if options.hardware is None else options.hardware)
    if kernel.config:
        wanted = [name for name, _ in requests if not name.startswith("?")]
        there = partial(resolve, modules)
        lacking = kconfig.missing(kernel.config, wanted, bool(profile.entry_points), there)
        if lacking:
            raise MkinitfsError(
                f"kernel {kernel.version}: built without {', '.join(lacking)}, says {kernel.config.path}",
                "name one that has it with --kernel-version or --kernel-dir",
            )
    return closure_of(modules, requests)


def _check_kernel(closure: Closure, machine: str | None) -> Iterator[str]:
    """Warnings about the kernel, of which one module tells. MkinitfsError where it cannot run code for `machine`."""
    first = next((item for item in closure.chosen.values() if item.module.path.startswith("kernel/")), None)
    if not first:
        return
    path = closure.kernel.file(first.module.path)
    data = unpack_file(path)
    theirs, version = elf.parse(data, str(path)).machine, closure.kernel.version
    if machine and not ldconf.runs(theirs, machine):
        names = [each.removeprefix("EM_").lower() for each in (theirs, machine)]
        raise MkinitfsError(
            f"kernel {version}: for {names[0]}, yet the programs are for {names[1]}",
            "name a folder with a kernel for that machine with --kernel-dir",
        )
    for magic in info.parse(data, str(path)).get("vermagic", ()):
        built = magic.partition(" ")[0]  # UTS_RELEASE, include/linux/vermagic.h
        if built != version:
            yield (
                f"kernel {version}: its modules are of {built}, and no machine finds them under another name: "
                "rename the folder, or choose that one with --kernel-version"
            )


def _indexes(closure: Closure, *, kmod: bool) -> Entries:
    """The indexes for /init and busybox's modprobe, and for that of `kmod`."""
    texts = index_files(closure)
    indexes = [(name, text.encode(errors="surrogateescape")) for name, text in texts.items()]
    if kmod:
        indexes += binary_index.files(closure, texts)
    for name, data in indexes:
        path = f"lib/modules/{closure.kernel.version}/{name}"
        yield path, File(Bytes(data), 0o644, "index of the modules in the image")


def _setting(name: str, lines: Iterable[str], profile: Profile) -> tuple[str, Entry]:
    text = "".join(f"{line}\n" for line in lines)
    return f"{_SETTINGS[1:]}/{name}", File(Bytes(text.encode()), 0o644, f"setting of {_origin(profile)}")


def _lost(links: list[str]) -> str:
    count = f"{len(links)} links lead" if len(links) > 1 else "a link leads"
    return f"{count} nowhere in the image, as {links[0]}: add what is meant with --add or a profile's `files`"


def _size(manifest: Manifest) -> int:
    """The memory that a tmpfs of it takes, in whole pages. No file is stored unpacked: it has no modules."""
    sizes = (entry.content.size for entry in manifest.values() if isinstance(entry, File))
    return sum(-(-size // _PAGE) * _PAGE for size in sizes)
