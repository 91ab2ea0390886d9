"""Paths below a root that is not ours, links followed inside it."""

from __future__ import annotations

import os
import stat


def resolve(root: str, path: str) -> str:
    """Where `path` leads below `root`, links followed as that root would follow them; "" for no program."""
    done: list[str] = []
    parts = path.split("/")
    for _ in range(400):  # 40 links at most (path_resolution(7)), each of a few parts
        if not parts:
            break
        part = parts.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            done = done[:-1]
            continue
        here = "/".join([root, *done, part])
        if os.path.islink(here):
            target = os.readlink(here)
            done = [] if target.startswith("/") else done
            parts = target.split("/") + parts
        else:
            done.append(part)
    else:
        return ""
    try:
        status = os.stat("/".join([root, *done]))
    except OSError:
        return ""
    executable = stat.S_ISREG(status.st_mode) and status.st_mode & 0o111 and status.st_size
    return "/" + "/".join(done) if executable else ""
