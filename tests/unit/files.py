"""Files and links below a folder that a test makes up."""

from pathlib import Path


def put(path: Path, content: str | bytes = "x", mode: int = 0o644) -> None:
    """A file of exactly this mode, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)


def link(root: Path, links: dict[str, str]) -> None:
    """Links by their names below `root`, and the folders above them; the targets are what is written into them."""
    for name, target in links.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(target)
