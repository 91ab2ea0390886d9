"""The options that a share may be mounted with, by name: what else stands behind a password is a part of one.

From mount.cifs(8) and fs/smb/client/fs_context.c (smb3_fs_parameters, 5.11 to 7.3), without those for user, password
and domain, and SELinux's of every file system (mount(8)).
"""

from __future__ import annotations

_WITH_VALUE = """
    acdirmax acregmax actimeo addr backupgid backupuid bsize cache closetimeo comment compress context cred
    credentials cruid defcontext dir_mode dirmode echo_interval esize file_mode fmask fscontext gid handletimeout
    iocharset ip max_cached_dirs max_channels max_credits min_enc_offload netbiosname port prefixpath rasize reparse
    retrans rootcontext rsize sec servern servernetbiosname snapshot source srcaddr symlink symlinkroot uid umask
    unc upcall_target ver vers wsize
"""
# Each also with "no" in front.
_FLAGS = """
    _netdev acl atime auto autotune blocksend brl case cifsacl delete dev dfs diratime domainauto dynperm exec fail
    forcegid forcemand forcemandatorylock forceuid fsc guest handlecache hard idsfromsid ignore_signature ignorecase
    intr iversion lazytime lease linux locallease mand mapchars mapposix mfsymlinks modefromsid modesid multichannel
    multiuser nativesocket owner perm persistenthandles posix posixpaths rdma relatime remount resilienthandles
    rootfs rwpidforward seal serverino setuidfromacl setuids sfu sharesock sign signloosely sloppy soft sparse
    strictatime strictsync suid tcpnodelay unicode unix user_xattr users witness
"""
_ALONE = ("ac", "async", "compress", "defaults", "dirsync", "group", "ro", "rw", "sync", "user")
_VALUED = frozenset((*_WITH_VALUE.split(), "user", "username", "dom", "domain", "workgroup"))
_BARE = frozenset((*_FLAGS.split(), *_ALONE))


def known(word: str) -> bool:
    """Whether an option, with its value where it has one, is one of them."""
    name, equals, _ = word.partition("=")
    return name in _VALUED if equals else name in _BARE or name.removeprefix("no") in _BARE
