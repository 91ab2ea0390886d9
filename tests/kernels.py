"""Debian kernels to test with, downloaded once into ~/.cache/mkinitfs/kernels and unpacked without any hook.

The packages come through apt with a configuration of its own below the cache, so that neither the machine's
package lists nor root are needed; the mirror is the one this machine already uses. Also a program:

    python -m tests.kernels 6.1 6.12
"""

import fcntl
import os
import pwd
import struct
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mkinitfs.errors import MkinitfsError
from mkinitfs.modules.depmod import Modules
from mkinitfs.modules.softdep import Softdep
from tests.command import run, told

SUITES = {"6.1": "bookworm", "6.12": "trixie"}
# For a machine that serves: the ksmbd of Debian 13's 6.12.107 stops (list corruption in smb2_open) when a second
# client opens a file, that of 6.12.95 does not.
SERVERS = {"6.12-ksmbd": "bookworm-backports"}
# Of other machines: 32 bits, of which Debian 13 has none any more, and boards with a device tree.
OTHERS = {"6.1-686": "bookworm", "6.1-arm64": "bookworm"}
PACKAGES = {"6.1-686": ("linux-image-686", "i386"), "6.1-arm64": ("linux-image-arm64", "arm64")}
# What comes next, as it stands on the day: too much to fetch for a suite that has not frozen, so asked for by name.
NEXT = {"next": "forky", "7.3": "trixie-backports"}
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mkinitfs" / "kernels"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# depmod lies in /usr/sbin, which is not on an unprivileged user's path.
ENV = {**os.environ, "PATH": os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin", "LC_ALL": "C"}


@dataclass(frozen=True)
class Kernel:
    """An unpacked kernel, depmod's indexes included.

    boot/vmlinuz-VERSION and lib/modules/VERSION; from 7.x on all of it lies below usr/lib/modules/VERSION, no link.
    """

    version: str
    root: Path

    def __str__(self) -> str:
        return f"{self.version} {self.root}"

    @property
    def vmlinuz(self) -> Path:
        """The kernel image, for qemu's -kernel."""
        image = self.root / "boot" / f"vmlinuz-{self.version}"
        return image if image.exists() else self.modules / "vmlinuz"

    @property
    def modules(self) -> Path:
        """The folder that modules.dep lies in."""
        modules = self.root / "lib" / "modules" / self.version
        unlinked = self.root / "usr" / "lib" / "modules" / self.version
        return unlinked if unlinked.exists() and not modules.exists() else modules


def kernel(series: str) -> Kernel:
    """The Debian kernel of `series` (in SUITES, SERVERS, OTHERS or NEXT), from the cache or else from the mirror.

    Raises MkinitfsError naming what is missing: the program, the mirror, the package, a file in it.
    """
    known = SUITES | SERVERS | OTHERS | NEXT
    suite = known.get(series)
    if suite is None:
        raise MkinitfsError(f"kernel {series}: not one of {', '.join(known)}")
    root = CACHE / series
    if not root.is_dir():
        with lock(CACHE / f".{series}.lock"):
            if not root.is_dir():
                _make(series, suite, root)
    return _inspect(root)


def _inspect(root: Path) -> Kernel:
    versions = sorted({path.name for path in (*root.glob("lib/modules/*"), *root.glob("usr/lib/modules/*"))})
    if len(versions) != 1:
        raise MkinitfsError(f"{root}/lib/modules: one kernel expected, found {versions}", f"rm -r {root}")
    found = Kernel(versions[0], root)
    for path in (found.vmlinuz, found.modules / "modules.dep"):
        if not path.is_file():
            raise MkinitfsError(f"{path}: missing from the unpacked kernel", f"rm -r {root}")
    return found


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold the file `path` against whatever else of these tests wants it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _make(series: str, suite: str, root: Path) -> None:
    """Download, unpack and index below a temporary folder, then rename: nothing is ever half made."""
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=f".{series}-", ignore_cleanup_errors=True) as folder:
        work = Path(folder)
        made = work / "root"
        packages = _download(suite, work, *PACKAGES.get(series, ()))
        for package in packages:
            run(["dpkg-deb", "-x", package, made])
        # Debian 13 ships /usr/lib/modules and expects the usrmerge link to be there; depmod -b looks in /lib.
        if len(packages) == 1 and not (made / "lib").exists():
            (made / "lib").symlink_to("usr/lib")
        for modules in made.glob("lib/modules/*") if (made / "lib").exists() else made.glob("usr/lib/modules/*"):
            run(["depmod", "-b", modules.parents[2], modules.name], env=ENV)
        _inspect(made)
        made.rename(root)


def _download(suite: str, work: Path, name: str = "linux-image-amd64", machine: str = "amd64") -> list[Path]:
    """Fetch the kernel that `suite`'s package `name` depends on: one package, or the three that hold its files."""
    options = apt_options(suite, work, machine)
    run(["apt-get", *options, "update"], env=ENV)

    def needed(package: str, *kinds: str) -> list[str]:
        lines = run(["apt-cache", *options, "depends", package], env=ENV).splitlines()
        names = [words[1] for line in lines if (words := line.split())[:1] == ["Depends:"] and words[1:]]
        return [name for name in names if name.startswith(kinds)]

    images = needed(name, "linux-image-")
    if not images:
        raise MkinitfsError(f"{name}: names no kernel in suite {suite}")
    parts = needed(images[0], "linux-binary-", "linux-modules-", "linux-base-") or images[:1]
    # `apt-get download` writes to the current folder and knows no other.
    run(["env", f"--chdir={work}", "apt-get", *options, "download", *parts], env=ENV)
    packages = sorted(work.glob("*.deb"))
    if len(packages) != len(parts):
        raise MkinitfsError(f"{', '.join(parts)}: apt-get download brought {len(packages)} packages")
    return packages


def apt_options(suite: str, work: Path, machine: str = "amd64") -> list[str]:
    """What has apt work below the empty folder `work`: `suite` its only source, `machine` (Debian's name) its own."""
    for folder in ("lists/partial", "cache/archives/partial"):
        (work / folder).mkdir(parents=True)
    signed_by = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    sources = work / "sources.list"
    sources.write_text(f"deb {signed_by}{mirror()} {suite} main\n")
    settings = {
        "Dir::State::lists": work / "lists",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": work / "cache",
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "-",
        # As root apt would download as user _apt, who cannot enter a home folder of mode 0700.
        "APT::Sandbox::User": pwd.getpwuid(os.geteuid()).pw_name,
        "APT::Architecture": machine,
        "APT::Architectures": machine,
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
    }
    return [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]


def mirror() -> str:
    """The URI of the Debian archive in the machine's own apt configuration."""
    # --no-release-info: also where `apt-get update` has not run yet.
    form = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    listing = run(["apt-get", "indextargets", "--no-release-info", "--format", form], env=ENV)
    suites = {"stable", "oldstable", "testing", "unstable", "sid", *SUITES.values()}
    for line in listing.splitlines():
        match line.split():
            case [uri, release, "main"] if release in suites:
                return uri
    raise MkinitfsError(
        "apt sources: no Debian archive with the component main", "add one below /etc/apt/sources.list.d"
    )


def fake_module(
    *records: str, elfclass: int = 2, order: str = "<", imports: tuple[str, ...] = (), machine: int = 62
) -> bytes:
    """A kernel module of nothing but headers, a .modinfo section with `records` ("firmware=a.bin") and symbols."""
    info = "".join(f"{record}\0" for record in records).encode()
    strings = b"\0own\0" + "".join(f"{name}\0" for name in imports).encode()
    symbol = f"{order}IBBHQQ" if elfclass == 2 else f"{order}IIIBBH"
    symbols = [(0, 0), (1, 3)] + [(strings.find(f"\0{name}\0".encode()) + 1, 0) for name in imports]
    rest = [(0, 0, section, 0, 0) if elfclass == 2 else (0, 0, 0, 0, section) for _, section in symbols]
    table = b"".join(struct.pack(symbol, name, *row) for (name, _), row in zip(symbols, rest, strict=True))
    names = b"\0.modinfo\0.symtab\0.strtab\0.shstrtab\0"
    header, section = (64, "2I4Q2I2Q") if elfclass == 2 else (52, "10I")
    ident = b"\x7fELF" + bytes([elfclass, 1 if order == "<" else 2, 1]) + bytes(9)
    word = "Q" if elfclass == 2 else "I"
    contents = ((1, 1, info), (10, 2, table), (18, 3, strings), (26, 3, names))
    starts = [header + sum(len(each) for _, _, each in contents[:count]) for count in range(5)]
    words = (1, machine, 1, 0, 0, starts[4], 0, header, 0, 0, struct.calcsize(order + section), 5, 4)
    rows = [(0,) * 10]
    rows += [
        (at, kind, 0, 0, start, len(each), 0, 0, 0, 0)
        for (at, kind, each), start in zip(contents, starts, strict=False)
    ]
    headers = b"".join(struct.pack(order + section, *row) for row in rows)
    return ident + struct.pack(f"{order}2HI3{word}I6H", *words) + info + table + strings + names + headers


def fake_kernel(folder: Path, modules: dict[str, bytes], **indexes: str) -> Path:
    """A lib/modules/VERSION with `modules` (path -> content) and `indexes` (dep=, alias=, softdep=...)."""
    for path, content in modules.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"dep": "".join(f"{path}:\n" for path in modules), **indexes}.items():
        (folder / f"modules.{name.replace('_', '.')}").write_text(text)
    return folder


def modprobe_order(modules: Modules, name: str) -> tuple[str, ...]:
    """What modprobe inserts for the exact module `name`, in order, itself and built-ins included.

    Hard dependencies, and soft ones as far as they can be found; the walk is libkmod's
    __kmod_module_get_probe_list(), in which a dependency's own dependencies are already listed.
    """
    order: dict[str, None] = {}
    visited: set[str] = set()

    def probe(current: str) -> None:
        if current not in visited:
            visited.add(current)
            for need in (*(modules[current].depends if current in modules else ()), current):
                insert(need)

    def insert(current: str) -> None:
        softdep = modules.softdeps.get(current, Softdep())
        for need in softdep.pre:
            for module in modules.lookup(need):
                probe(module)
        order[current] = None
        for need in softdep.post:
            for module in modules.lookup(need):
                probe(module)

    probe(name)
    return tuple(order)


if __name__ == "__main__":
    sys.exit(told(kernel, sys.argv[1:] or SUITES))
