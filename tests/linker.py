"""Programs and libraries made by gcc, and the run-time linker's own word on any, beside ours."""

import os
import re
import subprocess
from pathlib import Path

from mkinitfs.elf import ldso
from mkinitfs.errors import MkinitfsError
from mkinitfs.sysroot import Sysroot

GLIBC = "/lib64/ld-linux-x86-64.so.2"


def compiled(out: Path, source: str, *options: str | Path, cc: str = "gcc") -> Path:
    """Compile `source` into `out`, linked with all that `options` name."""
    out.parent.mkdir(parents=True, exist_ok=True)
    argv = [cc, "-x", "c", "-", "-x", "none", "-o", out, "-Wl,--no-as-needed", *options]
    subprocess.run(argv, input=source, text=True, check=True, capture_output=True)
    return out


def library(out: Path, *options: str | Path, cc: str = "gcc", answer: int = 0) -> Path:
    """Compile a library whose one function, named like it, returns `answer`."""
    function = out.name.partition(".")[0].removeprefix("lib")
    source = f"int {function}(void) {{ return {answer}; }}"
    return compiled(out, source, "-shared", "-fPIC", f"-Wl,-soname,{out.name}", *options, cc=cc)


def theirs(path: Path, linker: str = GLIBC) -> set[str] | None:
    """Real paths of what `linker` maps beside the program; None where it refuses the file."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LD_")}
    done = subprocess.run([linker, "--list", path], capture_output=True, text=True, env=clean, check=False)
    if done.returncode:
        return None
    names = re.findall(r"(?:=> |^\t)(/\S+) \(0x", done.stdout, re.MULTILINE)
    return {os.path.realpath(name) for name in names}


def ours(path: Path, sysroot: Sysroot | None = None) -> set[str] | None:
    """The same as we find it, before anything runs."""
    sysroot = sysroot or Sysroot("/")
    files = ldso.elf_files(sysroot)
    try:
        info = files.info(str(path.resolve()))
        assert info, f"{path}: not an ELF file"
        return {each.real for each in ldso.Namespace(files, str(path), info, "a test").objects[1:]}
    except MkinitfsError:
        return None
