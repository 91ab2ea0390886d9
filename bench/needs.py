"""What has to be there before anything is measured."""

import os
import shlex
import subprocess
from pathlib import Path

from mkinitfs.errors import MkinitfsError

PACKAGES = Path(__file__).with_name("packages.txt")


def check(listing: Path = PACKAGES) -> None:
    """MkinitfsError names every package of `listing` that is not installed; nothing is installed here.

    Nor is anything measured without root: the tools get their kernel by bind mounts that only they see.
    """
    missing = [name for name in packages(listing.read_text()) if not _installed(name)]
    if missing:
        command = ["apt-get", "install", "--no-install-recommends", *missing]
        raise MkinitfsError(
            f"bench: packages not installed: {', '.join(missing)}", f"to install them: {shlex.join(command)}"
        )
    if os.geteuid() != 0:
        raise MkinitfsError("bench: wants root, for bind mounts in a name space of its own", "run it as root")


def packages(text: str) -> list[str]:
    """The names in `text`: one a line, # begins a comment."""
    return [name for line in text.splitlines() if (name := line.partition("#")[0].strip())]


def _installed(package: str) -> bool:
    query = ["dpkg-query", "--show", "--showformat", "${db:Status-Status}", package]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout == "installed"
