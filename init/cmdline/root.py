"""Where the root lies: the kernel's own words, and those of dracut, initramfs-tools and live-boot for the same.

root=/dev/cifs cifsroot=SHARE       the kernel's cifsroot document
root=/dev/nfs nfsroot=EXPORT        the kernel's nfsroot document
root=cifs://... root=nfs[4]:...     dracut.cmdline(7), there also from netroot=; who, by cifsuser= and cifspass=
root=SERVER:/FOLDER                 dracut's older form
nfsroot=//server/share nfsopts=...  live-boot(7), under netboot=cifs
"""

from __future__ import annotations

from init.cmdline import cifsroot
from init.cmdline.secrets import shown
from init.system.stdlib import TYPE_CHECKING

if TYPE_CHECKING:
    from init.cmdline.nfsroot import Export
    from init.cmdline.words import CommandLine

# The kernel's word for an export, dracut's for one that DHCP names, and what dracut makes of root= itself.
_NFS_ROOTS = ("/dev/nfs", "dhcp", "nfs", "nfs4")


def source(line: CommandLine, image_credentials: str, mistakes: list[str]) -> cifsroot.Share | Export:
    """The share or export that the line names; mistakes are appended."""
    parameter, value = _named(line, mistakes)
    flags = ((line.last("nfsopts") or "").removeprefix("-o").lstrip(), line.last("rootflags") or "")
    if value and (parameter == "cifsroot" or cifsroot.is_url(value) or value.startswith("//")):
        otherwise = cifsroot.Login(password=line.last("cifspass")).over(cifsroot.who(line.last("cifsuser")))
        return cifsroot.parse(cifsroot.Given(parameter, value, flags, otherwise), image_credentials, mistakes)
    if parameter == "cifsroot":
        mistakes.append("cifsroot=: missing; cifsroot=//server/share[/folder][,options] says where the root lies")
        return cifsroot.NOWHERE
    from init.cmdline import nfsroot  # late: few boots need it

    four = "nfs4" in (line.last("rootfstype"), line.last("root"))
    if parameter == "nfsroot" and value.startswith(("nfs:/", "nfs4:/")) and not value.startswith("nfs://"):
        value = f"nfs:{value}"  # no prefix is known there; a server may have this name
    return nfsroot.parse(value, ",".join(filter(None, flags)), four, line.flag("nfsrootdebug"), mistakes)


def _named(line: CommandLine, mistakes: list[str]) -> tuple[str, str]:
    """The parameter that says where the root lies, and its value, "" for one that is not there."""
    root, netroot = line.last("root"), line.last("netroot") or ""
    share, export = line.last("cifsroot") or "", line.last("nfsroot") or ""
    if root and _says_where(root):
        return "root", root
    if _says_where(netroot) and not share and not export:
        return "netroot", netroot
    if root in _NFS_ROOTS or (root is None and not share and _says_nfs(line)):
        return "nfsroot", export
    if root not in (None, "/dev/cifs", "cifs"):
        mistakes.append(
            f"root={shown(root)}: the root lies on a share: root=/dev/cifs cifsroot=//server/share is meant, "
            "or root=/dev/nfs nfsroot=server:/folder"
        )
    return ("nfsroot", export) if not share and export.startswith("//") else ("cifsroot", share)


def _says_where(value: str) -> bool:
    """Whether a value of root= or netroot= names a share or an export by itself."""
    server, colon, folder = value.partition(":")
    if cifsroot.is_url(value) or (colon and server in ("nfs", "nfs4")):
        return True
    if value.startswith("["):
        return "]:/" in value
    return bool(server) and folder[:1] == "/" and folder[:2] != "//" and not set(server) & set("/=@,")


def _says_nfs(line: CommandLine) -> bool:
    """Whether a line without root= means NFS: nfsroot= implies it (nfsroot.c, nfs_root_setup), boot= by its script."""
    words = (line.last("rootfstype"), line.last("boot"), line.last("netboot"))
    return line.last("nfsroot") is not None or words[0] == "nfs4" or "nfs" in words
