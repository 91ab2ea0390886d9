"""/sbin/request-key: the address of a server that a DFS link leads to, which cifs asks user space for.

The kernel executes it with the key to be made (Documentation/security/keys/request-key.rst) and waits for its end:

request-key create KEY UID GID THREAD-RING PROCESS-RING SESSION-RING

cifs asks for keys of the type dns_resolver, whose description is the name and whose payload the address as text
(Documentation/networking/dns_resolver.rst, fs/smb/client/dns_resolve.c). Keys of other types are left to the kernel,
which refuses what nobody has made.
"""

from __future__ import annotations

import errno
import os
import sys

from init.system import resolver, syscalls
from init.system.log import WARNING, Log

_KEEP = 600  # seconds that an address is believed, as keyutils has it: names of servers may move
# Seconds in which nobody asks again for a name without an address: the next try may find one. The kernel looks once
# more when this process has ended, takes a refusal that is over by then for none, and answers ENOKEY in its place
# (call_sbin_request_key, security/keys/request_key.c); it counts in whole seconds, and a slow machine ends us slowly.
_REFUSE = 5


def main() -> None:
    """Make the key that the command line names, or refuse it at once."""
    if len(sys.argv) < 3 or sys.argv[1] != "create" or not sys.argv[2].isdecimal():
        sys.exit(1)
    key = int(sys.argv[2])
    syscalls.assume_key_authority(key)
    name = server_name(syscalls.describe_key(key))
    if not name:
        sys.exit(1)
    if address := resolver.resolve(name)[0]:
        syscalls.instantiate_key(key, payload(address), _KEEP)
        return
    Log().write(WARNING, f"DFS: no address is to be had for the server {name}")
    # A number that cifs has for nothing else, so that perform/smb_hints.py knows it again.
    syscalls.reject_key(key, errno.ENONET, _REFUSE)


def server_name(described: bytes) -> str:
    """The name that a key asks for, "" where it is none of ours; `described` is KEYCTL_DESCRIBE's.

    That is "type;uid;gid;permissions;description", and before a name may stand what is asked of it: "a:", "query:".
    """
    kind, *rest = described.rstrip(b"\0").split(b";", 4)
    if kind != b"dns_resolver" or len(rest) < 4:
        return ""
    return os.fsdecode(rest[3].rpartition(b":")[2])


def payload(address: str) -> bytes:
    """A key's content: one address, as text that ends with a zero byte (net/dns_resolver/dns_key.c)."""
    return address.encode() + b"\0"
