"""The step `share` where the share itself is the root: which version of SMB carries it is found by trying.

The kernel's cifsroot document asks for SMB1 with UNIX extensions, servers of today for SMB 3.1.1, some of them with
POSIX extensions. Where the command line names no version, each is mounted and looked at (share_needs.py) until one
lacks nothing; if there is none, the one that lacks least is taken, and what would help is said.
"""

from __future__ import annotations

import errno

from init.boot.share_needs import MAPPED, Look, advise
from init.cmdline.cifsroot import DEFAULT_VERSION, Share, reaching_the_server, with_user
from init.cmdline.settings import Settings
from init.operations import Log, MountShare, ReadAt, StepError, Steps, TakeHostName, TryRoot, Unmount
from init.system.log import INFO, WARNING
from init.system.places import SYSROOT

# Extended attributes over SMB1 end the process that sets one, and leave the file system in disorder: the kernel's own
# check of string lengths strikes in CIFSSMBSetEA (seen with 6.1). systemd sets one at every boot.
_NO_XATTR = "nouser_xattr"
# Names as they are on the server: cifs maps those with a colon even where the extensions are in use (6.1 to 6.12 in
# either version, later ones over SMB1), so that those of a tree copied there could not be opened.
_UNMAPPED = "nomapposix"
# `unix` alone has 7.3 make symlinks by the extensions (cifs_symlink_type in fs_context.h); to older ones it is the
# default, said aloud.
_SMB1 = ("unix", _UNMAPPED, _NO_XATTR)
# In this order. cifsroot.c's own default is "vers=1.0,cifsacl,mfsymlinks,rsize=1048576,wsize=65536,uid=0,gid=0,hard":
# the sizes are what SMB1 with UNIX extensions comes to by itself; uid= and gid= would show every file as root's
# (forceuid), and mfsymlinks would have symlinks made as files although the server can do better.
_TRIES = (
    ("vers=3.1.1", "hard", "posix", _UNMAPPED),
    ("vers=1.0", "hard", *_SMB1),
    ("vers=3.1.1", "hard", "mfsymlinks", "sfu", "nobrl", "dynperm"),
    ("vers=1.0", "hard", _NO_XATTR),  # only where none of these is taken: a server of nothing but SMB1, no extensions
)
# What a server or a kernel answers that does not have a version or an extension. ENOTDIR: kernel 6.1 and the
# POSIX extensions of Samba 4.22, which disagree about the type bits in a mode.
_NOT_SPOKEN = (
    errno.EOPNOTSUPP, errno.ENOTDIR, errno.EINVAL, errno.EPROTO, errno.EPROTONOSUPPORT, errno.EHOSTDOWN,
    errno.ECONNRESET, errno.ECONNABORTED, errno.EIO,
)  # fmt: skip
# What a remount takes away unless it says so again: smb3_reconfigure() in fs_context.c begins with the defaults.
_LOST = {*_SMB1, "mfsymlinks", "sfu", "nobrl", "dynperm"}
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
    if root == SYSROOT:
        yield from _look_at_fstab(options)
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
            if error.errno not in _NOT_SPOKEN or (share.version_given and options == tries[-1]):
                raise error
            refused.append(error)
            yield Log(INFO, f"share: {options}: {error.reason}")
            continue
        read_only = settings.source_read_only or "ro" in options.split(",")
        look: Look = yield TryRoot(root, read_only, _LONGEST_LOOK)
        if best is None or len(look.lacks) < len(best[1].lacks):
            best = mounted, look
        # What SMB1 with UNIX extensions lacks, no way without them has; and the last one is for who takes no other.
        if not look.lacks or look.trouble or "unix" in look.options or options in tries[-2:]:
            break
        yield Log(INFO, f"share: {options}: lacks {', '.join(look.lacks)}")
        yield Unmount(root)
        mounted = ""
    if best is None:
        raise _nothing_spoken(share, refused)
    return mounted, *best


def versions(share: Share) -> list[str]:
    """The option texts to be tried, in order: one where the command line names a version itself.

    Of SMB1 there are two, for a server that has no UNIX extensions refuses the option `unix`.
    """
    given = share.options.split(",")
    if share.version_given:
        old = {"vers=1.0", "vers=1"} & set(given)
        tries: tuple[tuple[str, ...], ...] = (_SMB1, (_NO_XATTR,)) if old else ((),)
    else:
        tries = _TRIES
        given.remove(DEFAULT_VERSION)
    texts = [",".join([*_beside(words, given), *given]) for words in tries]
    return list(dict.fromkeys(reversed(texts)))[::-1]  # with nounix two are the same, and then the later one counts


def _beside(words: tuple[str, ...], given: list[str]) -> list[str]:
    """What is left of `words` beside what the user has given, which wins, also over its opposite."""
    known = {_key(word) for word in given}
    if "nounix" in given or "nolinux" in given or "noposix" in given:
        known.add(_key(_UNMAPPED))  # without the extensions a colon has another meaning to the server
    return [word for word in words if _key(word) not in known]


def _key(word: str) -> str:
    """What an option decides: the same word for an option and its opposite."""
    name = word.partition("=")[0]
    name = "hard" if name == "soft" else name.removeprefix("no")
    # One thing by several names (fs_context.c).
    return {"linux": "unix", "posix": "unix", "mapchars": "mapposix"}.get(name, name)


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
    if look.mapped:
        yield Log(WARNING, f"root: {MAPPED}")
    line = advise(look)
    if "executing scripts" in look.lacks:
        yield Unmount(root)
        raise StepError("nothing on the share can be executed", (line,))
    if line:
        yield Log(WARNING, f"root: {line}")


def _look_at_fstab(options: str) -> Steps:
    """Say what the real system's own remount of its root, which takes fstab(5)'s options, would take away."""
    try:
        text: bytes = yield ReadAt(f"{SYSROOT}/etc/fstab", 0, 65536)
    except StepError:
        return
    fields = [line.split() for line in text.decode(errors="replace").splitlines()]
    for _, point, _, *words in (each for each in fields if len(each) > 3 and not each[0].startswith("#")):
        lost = [word for word in options.split(",") if word in _LOST and word not in words[0].split(",")]
        if point == "/" and lost:
            hint = "write them into its line, or take the line away"
            yield Log(WARNING, f"root: a remount by /etc/fstab would forget {','.join(lost)}: {hint}")
