"""A folder as a protofile, the description of a file system's content that `mkfs.xfs -p` reads (mkfs.xfs(8)).

Its words end at white space and a colon begins a comment, so neither can stand in a name. It has no sticky
bit: those are written afterwards, see sticky_folders().
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

KINDS = {
    stat.S_IFREG: "-",
    stat.S_IFDIR: "d",
    stat.S_IFLNK: "l",
    stat.S_IFCHR: "c",
    stat.S_IFBLK: "b",
    stat.S_IFIFO: "p",
}


def protofile(tree: Path, own: bool = True) -> str:
    """The protofile of `tree`: owners as on disk where `own`, else root everywhere. Sockets are left out.

    Raises ValueError for a name that the format cannot say.
    """
    lines = ["/", "0 0"]  # the boot block and the sizes, both read and ignored
    lines += _entry("", tree, own)
    return "\n".join([*lines, "$", ""])


def _entry(name: str, path: Path, own: bool) -> Iterator[str]:
    facts = path.lstat()
    kind = KINDS[stat.S_IFMT(facts.st_mode)]
    setuid, setgid = facts.st_mode & stat.S_ISUID, facts.st_mode & stat.S_ISGID
    mode = f"{kind}{'u' if setuid else '-'}{'g' if setgid else '-'}{facts.st_mode & 0o777:03o}"
    words = [name] if name else []
    words += [mode, *(map(str, (facts.st_uid, facts.st_gid)) if own else "00")]
    match kind:
        case "-":
            words.append(str(path))
        case "l":
            words.append(os.readlink(path))
        case "c" | "b":
            words += [str(os.major(facts.st_rdev)), str(os.minor(facts.st_rdev))]
    for word in words:
        if word.startswith(":") or any(char.isspace() for char in word):
            raise ValueError(f"{path}: {word!r}: a protofile cannot say this")
    yield " ".join(words)
    if kind == "d":
        for child in sorted(path.iterdir()):
            if stat.S_IFMT(child.lstat().st_mode) in KINDS:
                yield from _entry(child.name, child, own)
        if name:
            yield "$"


def sticky_folders(tree: Path) -> Iterator[tuple[str, int]]:
    """Path in the image and full mode of every folder with the sticky bit (/tmp, /var/tmp)."""
    for folder, names, _ in os.walk(tree):
        for name in names:
            path = Path(folder, name)
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode) and mode & stat.S_ISVTX:
                yield f"/{path.relative_to(tree)}", mode
