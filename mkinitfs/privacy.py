"""Who may read what goes into an image: where not everybody may, the image is its owner's alone."""

import stat
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import Bytes, Entry, File


def owners(manifest: Mapping[str, Entry], trees: Collection[Path]) -> str:
    """The first path in the image that not everybody may read where it comes from, "" where there is none.

    `trees` are the sysroot and the kernel's: who may enter the folders that they lie in says nothing of their files.
    """

    @cache
    def open_to_all(folder: Path) -> bool:
        if folder in trees or folder == folder.parent:
            return True
        return bool(folder.stat().st_mode & stat.S_IXOTH) and open_to_all(folder.parent)

    for path, entry in manifest.items():
        if not isinstance(entry, File):
            continue
        if not entry.mode & stat.S_IROTH:
            return path
        if not isinstance(entry.content, Bytes):
            source = entry.content.path
            try:
                # Its own mode, too: modules and firmware have one for all in the image.
                if not source.stat().st_mode & stat.S_IROTH or not open_to_all(source.parent):
                    return path
            except OSError as error:
                raise MkinitfsError.of(source, error) from error
    return ""
