"""The converters of glibc's iconv(3), which iconv_open() loads by name from the folder gconv beside libc."""

from collections.abc import Iterator

from mkinitfs.sysroot import Sysroot

# One index is enough: the cache is asked first (iconv/gconv_cache.c).
_INDEXES = ("gconv-modules.cache", "gconv-modules")
# What early user space meets: file names on FAT and on SMB shares, and what the locales of Europe had before UTF-8,
# which is in libc itself. All 250 would be 9 MB; `files` of a profile brings more, and the index knows them all.
_CONVERTERS = (
    "UTF-7", "UTF-16", "UTF-32", "UNICODE", "ISO8859-1", "ISO8859-2", "ISO8859-15", "IBM437", "IBM850", "IBM852",
    "IBM866", "CP1250", "CP1251", "CP1252", "KOI8-R",
)  # fmt: skip


def files(sysroot: Sysroot, libc: str) -> Iterator[str]:
    """The paths of index and converters that are there for the C library at `libc`."""
    beside = f"{libc.rpartition('/')[0]}/gconv"
    folder = next((each for each in (beside, f"/usr{beside}") if sysroot.find(each)), None)
    if folder is None:
        return
    indexes = [path for name in _INDEXES if sysroot.is_file(path := f"{folder}/{name}")]
    yield from indexes[:1]
    if indexes[:1] == [f"{folder}/gconv-modules"] and sysroot.find(more := f"{folder}/gconv-modules.d"):
        yield from (f"{more}/{name}" for name in sysroot.names(more) if name.endswith(".conf"))
    yield from (path for name in _CONVERTERS if sysroot.is_file(path := f"{folder}/{name}.so"))
