"""The files that programs need to run, found as ld.so finds them below a sysroot; nothing of it is run.

Each program gets a name space of its own, filled breadth first in the order of DT_NEEDED, in which a library
loaded once is used again under its name, its soname and its file, as elf/dl-load.c does it.
"""

from collections.abc import Iterable, Iterator
from weakref import WeakKeyDictionary

from mkinitfs.elf import byname, elf, gconv, ldconf, script
from mkinitfs.elf.elf import ElfInfo
from mkinitfs.elf.ldconf import Loader
from mkinitfs.elf.ldsearch import Folder, Loaded, expand, folders, variants
from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import Entry
from mkinitfs.sysroot import Found, Sysroot, find_program

# musl has these inside its linker, which answers to their names ("libc.so", "libm.so.6").
_MUSL_SELF = tuple(f"lib{name}." for name in ("c", "pthread", "rt", "m", "dl", "util", "xnet"))


class ElfFiles:
    """The ELF files of one sysroot, each read once."""

    def __init__(self, sysroot: Sysroot) -> None:
        self.sysroot = sysroot
        self._infos: dict[str, ElfInfo | None] = {}
        self._loaders: dict[tuple[str, tuple[str, int, bool]], Loader] = {}
        self._variants: dict[str, tuple[str, ...]] = {}

    def info(self, real: str) -> ElfInfo | None:
        """What the file at a real path says; None where it is no ELF file."""
        if real not in self._infos:
            self._infos[real] = self._read(real)
        return self._infos[real]

    def _read(self, real: str) -> ElfInfo | None:
        if not elf.is_elf(self.sysroot.read(real, 4)):
            return None
        try:
            with self.sysroot.host(real).open("rb") as stream:
                return elf.parse(stream, str(self.sysroot.host(real)))
        except OSError as error:
            raise self.sysroot.unreadable(real, error) from error

    def loader(self, interp: str, info: ElfInfo) -> Loader:
        """The linker at `interp`."""
        key = interp, info.abi
        if key not in self._loaders:
            self._loaders[key] = ldconf.loader(self.sysroot, interp, info)
        return self._loaders[key]

    def variants(self, folder: str) -> tuple[str, ...]:
        """The CPUs' own subfolders of `folder`."""
        if folder not in self._variants:
            self._variants[folder] = tuple(variants(self.sysroot, folder))
        return self._variants[folder]


_FILES: WeakKeyDictionary[Sysroot, ElfFiles] = WeakKeyDictionary()


def elf_files(sysroot: Sysroot) -> ElfFiles:
    """The ELF files of `sysroot`, remembered from call to call."""
    return _FILES.setdefault(sysroot, ElfFiles(sysroot))


class Namespace:
    """What is in the address space of one program after ld.so has run: `objects`, the program first."""

    def __init__(self, files: ElfFiles, path: str, info: ElfInfo, reason: str) -> None:
        """Load the program (or library) at `path` with all it needs.

        Raises MkinitfsError for a library or interpreter that is missing or cannot be loaded.
        """
        self._files = files
        self._sysroot = files.sysroot
        self.paths: list[tuple[str, str]] = []  # all paths opened, with reasons: several may lead to one file
        self.objects: list[Loaded] = []
        self._names: set[str] = set()
        self._inodes: dict[tuple[int, int], Loaded] = {}
        self._done = 0
        self.main = self._add(files.sysroot.require(path), info, None, reason)
        interp = info.interp or ldconf.default_interpreter(files.sysroot, info)
        self.loader = files.loader(interp, info)
        if info.interp:
            self._add_interpreter(info.interp)
        self._fill()

    def _add_interpreter(self, interp: str) -> None:
        found = self._sysroot.find(interp)
        if found is None:
            hint = f"install the C library that brings it below {self._sysroot.root}"
            raise MkinitfsError(f"{interp}: missing, the interpreter of {self.main.real}", hint)
        info = self._checked(found, f"the interpreter of {self.main.real}")
        if info.abi != self.main.info.abi:
            reason = f"for {_abi(info)}, yet the interpreter of {self.main.real}"
            reason += f", which is for {_abi(self.main.info)}"
            raise MkinitfsError(f"{interp}: {reason}", "the packages of two architectures are mixed up")
        self._add(found, info, self.main, f"interpreter of {self.main.real}")
        self._names.add(interp)

    def _add(self, found: Found, info: ElfInfo, needer: Loaded | None, reason: str) -> Loaded:
        """Put a file into the name space, where it is not there yet under another path."""
        self.paths.append((found.path, reason))
        inode = self._sysroot.stat(found.real)
        key = inode.st_dev, inode.st_ino
        if key not in self._inodes:
            self._inodes[key] = Loaded(found.path, found.real, info, needer, reason)
            self.objects.append(self._inodes[key])
            if info.soname:
                self._names.add(info.soname)
        return self._inodes[key]

    def _fill(self) -> None:
        while self._done < len(self.objects):
            one = self.objects[self._done]
            self._done += 1
            for name in one.info.needed:
                self.load(name, one, f"needed by {one.real}")
            for name in () if self.loader.musl else one.info.auxiliary:
                self.load(name, one, f"needed by {one.real} (auxiliary)", required=False)

    def load(self, name: str, needer: Loaded, reason: str, *, required: bool = True) -> bool:
        """Load library `name` for `needer`; whether it is there. MkinitfsError for a required one."""
        names = [name] if self.loader.musl else expand(name, needer, self.loader)
        if any(each in self._names for each in names):
            return True
        if self.loader.musl and name.startswith(_MUSL_SELF):
            names = [self.loader.path]
        hits = [hit for choice in names for hit in self._search(choice, needer)]
        if not hits and required:
            raise self._missing(name, needer)
        for found, info in hits:
            self._add(found, info, needer, reason)
        if hits:
            self._names.update((name, *names))
        return bool(hits)

    def load_by_name(self, nss: Iterable[str]) -> None:
        """Load what the objects ask for while they run, and what that needs, until nothing new comes."""
        services = tuple(nss)
        seen = -1
        while seen < len(self.objects) and not self.loader.musl:
            seen = len(self.objects)
            for each in list(byname.wanted(self._sysroot, self.objects, services)):
                loaded = any(self.load(name, each.needer, each.reason, required=False) for name in each.names)
                if each.required and not loaded:
                    raise self._missing(each.names[0], each.needer)
                self._fill()

    def _search(self, name: str, needer: Loaded) -> list[tuple[Found, ElfInfo]]:
        """The files that ld.so may take for `name`, the one that it takes on every machine last."""
        if "/" in name:
            found = self._sysroot.find(name) if name.startswith("/") else None
            return [(found, self._fitting(found, needer, name))] if found else []
        hits: list[tuple[Found, ElfInfo]] = []
        settled: Folder | None = None
        for folder in folders(needer, self.loader):
            if settled and not settled.cached:
                break
            hits += self._in_variants(folder, name, needer)  # ld.so.cache prefers a later folder's variant
            hit = None if settled else self._in_folder(folder, name, needer)
            if hit:
                hits.append(hit)
                settled = folder if folder.certain else None
        return hits

    def _in_variants(self, folder: Folder, name: str, needer: Loaded) -> Iterator[tuple[Found, ElfInfo]]:
        for path in () if self.loader.musl else self._files.variants(folder.path):
            hit = self._in_folder(Folder(path, cached=folder.cached), name, needer)
            if hit:
                yield hit

    def _in_folder(self, folder: Folder, name: str, needer: Loaded) -> tuple[Found, ElfInfo] | None:
        """The file `name` in `folder`, where it is there; one for another machine is passed over."""
        if folder.cached and not ldconf.is_library_name(name):
            return None
        found = self._sysroot.find(f"{folder.path.rstrip('/')}/{name}")
        if found is None:
            return None
        if self.loader.musl:  # takes the first that opens, whatever it is
            return found, self._fitting(found, needer, name)
        because = f"needed by {needer.real}"
        info = self._files.info(found.real) if folder.cached else self._checked(found, because)
        return (found, info) if info and info.abi == self.main.info.abi else None

    def _fitting(self, found: Found, needer: Loaded, name: str) -> ElfInfo:
        info = self._checked(found, f"needed by {needer.real}")
        if info.abi != self.main.info.abi:
            reason = f"for {_abi(info)}, yet {needer.real}, which is for {_abi(needer.info)}, needs {name}"
            raise MkinitfsError(f"{found.path}: {reason}", "the packages of two architectures are mixed up")
        return info

    def _checked(self, found: Found, reason: str) -> ElfInfo:
        info = self._files.info(found.real)
        if info is None:
            raise MkinitfsError(f"{found.path}: not an ELF file ({reason})", "install its package again")
        return info

    def _missing(self, name: str, needer: Loaded) -> MkinitfsError:
        chain = [one.real for one in needer.chain()][::-1]
        tried = [] if "/" in name else folders(needer, self.loader)
        searched = dict.fromkeys(each.path for each in tried)
        looked = f"looked in {', '.join(searched)}; " if searched else ""
        return MkinitfsError(
            f"{name}: library not found: {' needs '.join([*chain, name])}",
            f"{looked}install the package that brings it below {self._sysroot.root}",
        )


def _abi(info: ElfInfo) -> str:
    return f"{info.machine.removeprefix('EM_').lower()}, {info.elfclass} bit"


def closure(
    sysroot: Sysroot,
    paths: Iterable[str],
    reason: str = "asked for",
    *,
    machine: str | None = None,
    nss: Iterable[str] = (),
) -> list[tuple[str, Entry]]:
    """All that the files at `paths` need to run: (image path, entry), each path once, in a stable order.

    A name without a slash is a program to find. Files that are neither ELF nor script come as they are.
    `machine` ("EM_X86_64") is what ELF files have to be for; without it the first one sets it. `nss` are name
    services to include beside files and dns. Raises MkinitfsError for what is missing, damaged or for another
    machine.
    """
    needed = _Closure(sysroot, machine, tuple(nss))
    for path in paths:
        needed.add(find_program(sysroot, path) if "/" not in path else "/" + path.lstrip("/"), reason)
    return list(needed.entries.items())


class _Closure:
    """The entries gathered so far, and what they have to fit."""

    def __init__(self, sysroot: Sysroot, machine: str | None, nss: tuple[str, ...]) -> None:
        self.sysroot = sysroot
        self.machine = machine
        self.nss = nss
        self.entries: dict[str, Entry] = {}

    def add(self, path: str, reason: str, depth: int = 0) -> None:
        self.keep(self.sysroot.entries(path, reason))
        real = self.sysroot.require(path).real
        head = self.sysroot.read(real, script.LINE_LIMIT)
        if elf.is_elf(head):
            self.add_elf(path, real, reason)
            return
        shebang = script.parse(head, path)
        if shebang is None:
            return
        if depth == script.MAX_DEPTH:
            raise MkinitfsError(f"{path}: more than {depth} interpreters that are scripts themselves")
        because = f"interpreter of {real}"
        if self.sysroot.find(shebang.interpreter) is None:
            raise MkinitfsError(
                f"{shebang.interpreter}: missing, the interpreter of {path}",
                f"install the package that brings it below {self.sysroot.root}, or correct the #! line",
            )
        self.add(shebang.interpreter, because, depth + 1)
        if shebang.by_env:
            program = shebang.by_env
            self.add(program if "/" in program else self.program(program, path), because, depth + 1)

    def program(self, name: str, path: str) -> str:
        try:
            return find_program(self.sysroot, name)
        except MkinitfsError as error:
            raise MkinitfsError(f"{name}: missing, the interpreter of {path}", error.hint) from error

    def add_elf(self, path: str, real: str, reason: str) -> None:
        files = elf_files(self.sysroot)
        info = files.info(real)
        if info is None or info.kind not in ("ET_EXEC", "ET_DYN"):
            return
        self.machine = self.machine or info.machine
        if not ldconf.runs_beside(info.machine, self.machine):
            raise MkinitfsError(
                f"{path}: for another machine: {info.machine.removeprefix('EM_').lower()}, "
                f"not {self.machine.removeprefix('EM_').lower()}",
                f"{self.sysroot.root} should hold a system for one machine",
            )
        space = Namespace(files, path, info, reason)
        space.load_by_name(self.nss)
        converting = next((each.real for each in space.objects if "iconv_open" in each.info.calls), None)
        if converting and not space.loader.musl:
            libc = next((each.path for each in space.objects if each.info.soname == "libc.so.6"), "")
            for file in gconv.files(self.sysroot, libc):
                self.keep(self.sysroot.entries(file, f"needed by {converting} (iconv_open)"))
        for opened, because in space.paths:
            self.keep(self.sysroot.entries(opened, because))
        if space.loader.path_file and len(space.objects) > 1:
            self.keep(self.sysroot.entries(space.loader.path_file, f"search path of {space.loader.path}"))

    def keep(self, entries: Iterable[tuple[str, Entry]]) -> None:
        for path, entry in entries:
            self.entries.setdefault(path, entry)
