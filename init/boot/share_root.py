"""The step `share` where the share itself is the root: which version of SMB carries it is found by trying.

The kernel's cifsroot document asks for SMB1 with UNIX extensions, servers of today for SMB 3.1.1, some of them with
POSIX extensions. Where the command line names no version, each is mounted and looked at (share_needs.py) until one
lacks nothing; if there is none, the one that lacks least is taken, and what would help is said.
"""

from __future__ import annotations

import errno

from init.boot.share_needs import Look, advise
from init.cmdline.cifsroot import DEFAULT_VERSION, Share, reaching_the_server, with_user
from init.cmdline.settings import Settings
from init.operations import Log, MountShare, ReadAt, StepError, Steps, TakeHostName, TryRoot, Unmount
from init.system.log import INFO, WARNING
from init.system.places import SYSROOT

# Extended attributes over SMB1 end the process that sets one, and leave the file system in disorder: the kernel's own
# check of string lengths strikes in CIFSSMBSetEA (seen with 6.1). systemd sets one at every boot.
_NO_XATTR = "nouser_xattr"
# In this order. cifsroot.c's own default is "vers=1.0,cifsacl,mfsymlinks,rsize=1048576,wsize=65536,uid=0,gid=0,hard":
# the sizes are what SMB1 with UNIX extensions comes to by itself; uid= and gid= would show every file as root's
# (forceuid), and mfsymlinks would have symlinks made as files although the server can do better.
_TRIES = (
    ("vers=3.1.1", "hard", "posix"),
    ("vers=1.0", "hard", _NO_XATTR),
    ("vers=3.1.1", "hard", "mfsymlinks", "sfu", "nobrl", "dynperm"),
)
# What a server or a kernel answers that does not have a version or an extension. ENOTDIR: kernel 6.1 and the
# POSIX extensions of Samba 4.22, which disagree about the type bits in a mode.
_NOT_SPOKEN = (
    errno.EOPNOTSUPP, errno.ENOTDIR, errno.EINVAL, errno.EPROTO, errno.EPROTONOSUPPORT, errno.EHOSTDOWN,
    errno.ECONNRESET, errno.ECONNABORTED, errno.EIO,
)  # fmt: skip
_LONGEST_LOOK = 30.0  # seconds


def mount(settings: Settings, share: Share) -> Steps:
    """Mount the share as the root, in the version that carries one best."""
    root = settings.root_point
    mounted, options, look = yield from _best(settings, share)
    if mounted != options:
        if mounted:
            yield Unmount(root)
        yield from _mount(settings, share, options)
    # Since 5.17 cifs refuses to remount where the machine has another name than at the mount (fs_context.c,
    # workstation_name), and a root that is read-only at first is remounted when the real system has taken its name.
    if settings.read_only and root == SYSROOT and (yield TakeHostName(root)):
        yield Unmount(root)
        yield from _mount(settings, share, options)
    yield from _judge(look, root)
    return f"{share.unc} mounted on {root} with {options}"


def _best(settings: Settings, share: Share) -> Steps:
    """Try one version after the other; answers the options mounted now, "" for none, the best ones, and their Look."""
    tries = versions(share)
    refused: list[StepError] = []
    best: tuple[str, Look] | None = None
    mounted, root = "", settings.root_point
    for options in tries:
        try:
            mounted = yield from _mount(settings, share, options)
        except StepError as error:
            if len(tries) == 1 or error.errno not in _NOT_SPOKEN:
                raise error
            refused.append(error)
            yield Log(INFO, f"share: {options}: {error.reason}")
            continue
        read_only = settings.source_read_only or "ro" in options.split(",")
        look: Look = yield TryRoot(root, read_only, _LONGEST_LOOK)
        if best is None or len(look.lacks) < len(best[1].lacks):
            best = mounted, look
        if not look.lacks or look.trouble or options == tries[-1]:
            break
        yield Log(INFO, f"share: {options}: lacks {', '.join(look.lacks)}")
        yield Unmount(root)
        mounted = ""
    if best is None:
        raise _nothing_spoken(share, refused)
    return mounted, *best


def versions(share: Share) -> list[str]:
    """The option texts to be tried, in order: one where the command line names a version itself."""
    given = share.options.split(",")
    if share.version_given:
        old = "vers=1.0" in given and not {"user_xattr", _NO_XATTR} & set(given)
        return [f"{share.options},{_NO_XATTR}" if old else share.options]
    given.remove(DEFAULT_VERSION)
    known = {_key(word) for word in given}
    texts = [",".join([*(word for word in words if _key(word) not in known), *given]) for words in _TRIES]
    return list(dict.fromkeys(texts))


def _key(word: str) -> str:
    """What an option decides: the same word for an option and its opposite."""
    name = word.partition("=")[0]
    name = "hard" if name == "soft" else name.removeprefix("no")
    return "unix" if name in ("linux", "posix") else name  # three names for one thing (fs_context.c)


def _mount(settings: Settings, share: Share, options: str) -> Steps:
    """Mount the share; answers the options that it is mounted with.

    `nolease` is added where the server grants oplocks but no leases (ksmbd; Samba without smb2 leases). cifs passes
    over the break of an oplock (smb3_downgrade_oplock wants a newer epoch, which an oplock has not): its cache would
    go on showing what another machine has changed, and on ksmbd every exec would wait for the break's answer.
    """
    if settings.holds_containers:  # overlay=PATH
        options = reaching_the_server(options, settings.container_lease.mode)
    yield from _mount_with(settings, share, options)
    if not {"nolease", "vers=1.0", "vers=1"} & set(options.split(",")) and (yield from _without_leases()):
        yield Unmount(settings.root_point)
        options = f"{options},nolease"
        yield Log(INFO, "share: the server grants no leases, so nothing is cached on the strength of oplocks: nolease")
        yield from _mount_with(settings, share, options)
    return options


def _mount_with(settings: Settings, share: Share, options: str) -> Steps:
    text = with_user(share, options) + (",ro" if settings.source_read_only else ",rw")
    yield MountShare(share.unc, settings.root_point, text, share.password, settings.longest_mount)


def _without_leases() -> Steps:
    """Whether the server just mounted has no leases to give, as far as cifs tells (fs/smb/client/cifs_debug.c)."""
    try:
        data: bytes = yield ReadAt("/proc/fs/cifs/DebugData", 0, 65536)
    except StepError:
        return False
    words = data.partition(b"\nServer capabilities: 0x")[2].split(maxsplit=1)  # the newest connection comes first
    try:
        return not int(words[0], 16) & 0x2  # SMB2_GLOBAL_CAP_LEASING, [MS-SMB2] 2.2.4
    except (IndexError, ValueError):
        return False


def _nothing_spoken(share: Share, refused: list[StepError]) -> StepError:
    """No version was taken; waiting helps where the server may only have been away."""
    said = tuple(line for error in refused for line in (error.reason, *error.said))
    return StepError(
        f"{share.unc}: the server takes none of the versions tried", said, refused[0].errno,
        retry=any(error.retry for error in refused),
        hint="vers= in cifsroot= asks for another one",
    )  # fmt: skip


def _judge(look: Look, root: str) -> Steps:
    """Say what is missing; an error only where no init could run."""
    if look.trouble:
        yield Log(WARNING, f"root: {look.trouble}")
    line = advise(look)
    if "executing scripts" in look.lacks:
        yield Unmount(root)
        raise StepError("nothing on the share can be executed", (line,))
    if line:
        yield Log(WARNING, f"root: {line}")
