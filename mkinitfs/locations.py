"""Where the parts of mkinitfs that are not Python modules of the builder lie."""

from pathlib import Path

USER_PROFILES = Path("/etc/mkinitfs/profiles")

_PACKAGE = Path(__file__).resolve().parent


def _part(name: str) -> Path:
    """The folder `name`: beside the package in a checkout, in its data folder once installed."""
    installed = _PACKAGE / "data" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def init_package() -> Path:
    """The sources of early user space."""
    return _part("init")


def profiles() -> Path:
    """The profiles that come with mkinitfs."""
    return _part("profiles")
