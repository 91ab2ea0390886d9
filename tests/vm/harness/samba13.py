"""Debian 13's Samba on this machine: its programs and libraries in the place of this machine's, for it alone."""

from pathlib import Path

from tests.command import run
from tests.roots import trixie_root

from .samba import Samba


class Samba13(Samba):
    """Samba with the face of the machine's own; it wants root, for a mount namespace.

    Everything but /usr stays this machine's, so that configuration, shares and state lie where they always do.
    """

    def __init__(self, folder: Path, **options: object) -> None:
        # The shell is this machine's and loaded when /usr changes; what it executes is the other's.
        script = 'mount --bind "$0/usr" /usr && exec "$@"'
        self.prefix = ["unshare", "--mount", "sh", "-c", script, str(trixie_root().tree)]
        super().__init__(folder, **options)  # type: ignore[arg-type]

    def _smbstatus(self, *words: str) -> str:
        return run([*self.prefix, "smbstatus", f"--configfile={self.config}", *words])
