"""An NFS export mounted without a helper: the server's name resolved, then mount(2) with options as text.

The kernel itself talks to port mapper and mount daemon (NFS 3). A name server may never answer, nor an NFS server: a
child process with a deadline asks them.
"""

from __future__ import annotations

import errno
import os
import time

from init.cmdline import nfsroot
from init.cmdline.cifsroot import is_url
from init.cmdline.secrets import shown
from init.network.state import Network
from init.operations import MountExport, StepError
from init.perform import nfs_reach, smb
from init.perform.nfs_attempts import Attempt, attempts
from init.system import child, spawn, syscalls
from init.system.cmodules import socket
from init.system.files import read_text, write_text
from init.system.log import DEBUG, NOTICE, KernelMessages, Say

UNIQUE_ID = "/sys/module/nfs/parameters/nfs4_unique_id"
NFS_DEBUG, DEBUG_ROOT_AND_MOUNT = "/proc/sys/sunrpc/nfs_debug", "0x480"  # NFSDBG_ROOT | NFSDBG_MOUNT (linux/nfs_fs.h)
FEWEST_SECONDS = 20.0  # for one attempt where there are others: rpcbind's own time-outs are 10
LAST_WORDS = 5.0  # seconds after which an attempt that was ended has not been just in time
MODPROBE = 30.0  # seconds

# The last: rpcbind does not know of it yet.
_PASSING = (*smb.PASSING, errno.ESTALE, errno.EBUSY, errno.EINTR, errno.EOPNOTSUPP)
_REFUSED = "is this machine in the export's list of clients, and is the folder exported? (exportfs -v on the server)"
_VERSION = "the server does not serve this version of NFS: nfsvers=3 or nfsvers=4.2 asks for the other"
_UNREACHABLE = "is the server on, is NFS running there, and is it reachable from here? ip= and port= are worth a look"
_KERBEROS = "Kerberos is not to be had in early user space: leave sec= out of the options, and export with sec=sys"
_UNKNOWN = "the server's own log tells more, and so may dmesg; can another machine mount this export?"
_HINTS = {
    errno.EACCES: _REFUSED,
    errno.EPERM: _REFUSED,
    errno.ENOENT: "is there such a folder on the server, and exported? NFS 4 begins at the export with fsid=0, if any",
    errno.ENOTDIR: "the export is no folder",
    errno.EPROTONOSUPPORT: _VERSION,
    errno.EOPNOTSUPP: "does NFS 3 run on the server, mountd with it? nfsvers=4.2 needs neither mountd nor rpcbind",
    errno.EINVAL: "an option that this kernel's nfs does not know? see dmesg; most kernels are built without UDP",
    errno.ENODEV: "nfs.ko is not in this image or does not fit the kernel: mkinitfs build --profile nfs",
    errno.ECONNREFUSED: "is NFS running on the server? NFS 3 also asks rpcbind (port 111) unless port= and mountport= "
    "are given; nfsvers=4.2 needs nothing but port 2049",
    errno.EHOSTUNREACH: "no way to the server: is its address right, and the gateway in ip=?",
    errno.ENETUNREACH: "no way to the server: is its address right, and the gateway in ip=?",
    errno.ENAMETOOLONG: "a path on a server has at most 1024 bytes",
    errno.ENOKEY: _KERBEROS,
    errno.EKEYEXPIRED: _KERBEROS,
    errno.ESTALE: "the exported folder is not the one that the server knew: exportfs -ra there",
    errno.ENOMEM: "too little memory",
    errno.EBUSY: "something is mounted there already",
}  # fmt: skip
_MOUNTED, _UNKNOWN_NAME = "+", "resolve"  # what the child answers instead of an error's number


def mount(operation: MountExport, network: Network, say: Say) -> str:
    """Mount the export; answers what was mounted, as server:folder. Raises StepError.

    Every way that the export and the network leave open is tried, the operation's time-out for all of them.
    """
    export, target, mode, container, timeout = operation
    ways = attempts(export, network, container)
    level = NOTICE if export.debug else DEBUG
    if network.rootpath:
        say(level, f"share: DHCP option 17 is {shown(network.rootpath)}")
    if not ways:
        raise StepError(
            "nfsroot=: nobody says which server"
            + (", and the root path that DHCP names is an SMB share" if is_url(network.rootpath) else ""),
            hint="nfsroot=SERVER:/FOLDER does, or the second field of ip=, or a DHCP server that names one (siaddr)",
        )
    _prepare(network, export.debug)
    os.makedirs(target, exist_ok=True)
    deadline = time.monotonic() + timeout
    errors: list[StepError] = []
    for number, way in enumerate(ways):
        if way.lesser and errors[-1].errno != errno.EPROTONOSUPPORT:
            continue
        left = max(deadline - time.monotonic(), 1.0)
        seconds = min(left, max(FEWEST_SECONDS, left / 2)) if number + 1 < len(ways) else left
        say(level, f"share: trying {way.describe()},{mode}")
        error = _try(way, target, mode, seconds)
        if error is None:
            return way.source
        say(level, f"share: {error.reason}")
        errors.append(error)
    raise foremost(errors)


def foremost(errors: list[StepError]) -> StepError:
    """The error that tells most: about the folder, about the version, about the way to the server, silence.

    Where none is about the folder yet, one that may pass makes it worth another try.
    """
    chosen = min(errors, key=_rank)
    chosen.retry = _rank(chosen) > 0 and any(error.retry for error in errors)
    return chosen


def _rank(error: StepError) -> int:
    if error.errno in (errno.EPROTONOSUPPORT, errno.EOPNOTSUPP):
        return 1
    return 0 if error.errno not in _PASSING else 3 if error.errno == errno.ETIMEDOUT else 2


def _prepare(network: Network, debug: bool) -> None:
    """Load nfs.ko, and make this machine one that an NFS 4 server tells from all others.

    A client is known by its host name and by nfs.nfs4_unique_id (the kernel's nfs-client document): two machines
    called "(none)" would be one, and the second be given the first one's locks. The same in every boot, so that
    what a power cut left behind on the server ends as soon as the machine is back.
    """
    spawn.run(("/sbin/modprobe", "nfs"), timeout=MODPROBE)  # which heeds nfs.*= of the command line
    mac = network.interfaces[0].mac.replace(":", "") if network.interfaces else ""
    if os.uname().nodename in ("", "(none)") and mac:
        socket.sethostname(f"mac-{mac}")
    if mac and not read_text(UNIQUE_ID).strip():
        write_text(UNIQUE_ID, mac)
    if debug:
        write_text(NFS_DEBUG, DEBUG_ROOT_AND_MOUNT)


def _try(way: Attempt, target: str, mode: str, seconds: float) -> StepError | None:
    """One attempt, in a child process; None where the export is mounted."""
    with KernelMessages() as messages:
        answer, _ = child.ask(
            lambda answers: os.write(answers, _mount_here(way, target, mode).encode()), seconds, LAST_WORDS
        )
        return None if answer == _MOUNTED.encode() else attempt_error(way, answer.decode(), messages.said())


def _mount_here(way: Attempt, target: str, mode: str) -> str:
    """In the child: resolve and mount; answers _MOUNTED, or what attempt_error() reads."""
    try:
        addresses = socket.getaddrinfo(os.fsencode(way.server), None, 0, socket.SOCK_STREAM)
    except socket.gaierror as error:
        return f"{_UNKNOWN_NAME} {error.errno}"
    trouble, where = 0, ""
    for *_, address in addresses:
        if way_barred := nfs_reach.obstacle(way.options, address):
            trouble, where = way_barred
            continue
        where = ""
        flags, data = syscalls.mount_flags(f"{way.options},{mode},addr={address[0]}")
        try:
            syscalls.mount(way.source, target, "nfs", flags, data)
        except OSError as error:
            trouble = error.errno or errno.EIO
            if trouble not in _PASSING:
                break
        else:
            return _MOUNTED
    return f"{trouble or errno.EADDRNOTAVAIL} {where}"


def attempt_error(way: Attempt, answer: str, said: tuple[str, ...]) -> StepError:
    """Why an attempt failed, of which the child has said `answer`, nothing where it had to be ended."""
    code, _, where = answer.partition(" ")
    if code == _UNKNOWN_NAME:
        from init.perform import names  # late: few boots need it

        reason, hint = names.trouble(way.server, int(where))
        return StepError(f"{way.source}: {reason}", said, errno.EAGAIN, retry=True, hint=hint)
    number = int(code) if code.isdigit() else errno.ETIMEDOUT
    reason = os.strerror(number) if answer else "no answer from the server"
    if where:
        reason = f"{where}: {'no answer' if number == errno.ETIMEDOUT else reason}"
    version = nfsroot.version_of(way.options.split(","))
    retry = number in _PASSING
    hint = _HINTS.get(number, _UNREACHABLE if retry else _UNKNOWN)
    return StepError(f"{way.source}{f' ({version})' if version else ''}: {reason}", said, number, retry, hint)
