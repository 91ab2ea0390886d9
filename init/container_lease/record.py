"""The lease on the container: one machine writes, or many read.

Theory of operation. A file system in a file stands no second writer, and no reader beside a writer. No share mode
keeps one out (both clients' opens succeed); a byte-range lock far behind the file's end does, where it reaches the
server. claimant.py's process takes it before the loop device is attached and dies after that is detached: exclusive
for a writer, shared for a reader. Beside the container lies a Record that says who writes. It is never trusted as a
lock: it is the name to be shown, and tells two cases apart where the lock is free:

- no record: whoever had the lease has given it back, and it is there to be taken;
- a record of another machine: that machine was cut off, or the server was restarted and has forgotten its locks. It
  takes its lock again as soon as it sees that (watch()), so a newcomer holds back for GRACE seconds first;
- our own: we were switched off the hard way; what was ours is taken at once.

admission.py is the newcomer's part of this, watch() the claimant's.
"""

from __future__ import annotations

from init.system.mount_table import unescape
from init.system.stdlib import NamedTuple

OFFSET, LENGTH = 1 << 62, 1  # of the lock: no file is as long, and no read or write comes there
SUFFIX = ".lease"
SMB = ("cifs", "smb3")
GRACE = 20.0  # seconds; watch() has noticed and taken the lock again by then


class Record(NamedTuple):
    """Who writes the container: lists in one text each, separated by blanks; `since` in that machine's own time.

    `ports` are its ends of the connections to the server (resets.py).
    """

    host: str = ""
    addresses: str = ""
    macs: str = ""
    machine: str = ""
    boot: str = ""
    since: str = ""
    ports: str = ""

    def encode(self, name: str) -> str:
        """Return the file's text."""
        head = f"# Who writes {name}. The lock on the server is what counts; this only says whose it is.\n"
        return head + "".join(f"{key}={_line(value)}\n" for key, value in self._asdict().items())

    def is_machine(self, other: Record) -> bool:
        """Whether both are of one machine: the same card, and no machine-id to the contrary."""
        same = not (self.machine and other.machine) or self.machine == other.machine
        return same and bool(set(self.macs.split()) & set(other.macs.split()))

    def describe(self) -> str:
        """Return the machine in words."""
        name = self.host or "a machine without a name"
        where = ", ".join(word for word in [*self.addresses.split(), *self.macs.split()] if word != self.host)
        since = f" since {self.since}" if self.since else ""
        return f"{name} ({where}){since}" if where else name + since


def decode(text: str) -> Record | None:
    """Read a record's text; None where there is none, or something else."""
    found = dict(line.split("=", 1) for line in text.split("\n") if "=" in line and line[0] != "#")
    record = Record(*(_line(found.get(key, "")) for key in Record()._asdict()))
    return record if any(record) else None


def _line(text: str) -> str:
    """`text` as what may stand in one line of a console: a record may have been written by anybody."""
    return "".join(character if character.isprintable() else "?" for character in text[:200])


class Answer(NamedTuple):
    """What became of one try. `verdict`:

    granted     the lease is held; `text` may say what is to be known of it
    held        another machine holds it; `text` is the record beside the container, "" where there is none
    ours        it is held, and the record is this machine's: by what it was before a power cut
    abandoned   nobody holds it, but `text` is another machine's record
    local       locks on this mount reach no server; `text` says why
    failed      `text` says why, `errno` its number; worth another try
    """

    verdict: str
    text: str = ""
    errno: int = 0


def kind_of(mountinfo: str, device: str) -> str:
    """The type of the mounted file system `device` ("major:minor"), "" where it is not in the table."""
    return _superblock(mountinfo, device)[0]


def kept_local(mountinfo: str, device: str) -> str:
    """Why locks on the mounted file system `device` never reach a server; "" where they do."""
    fstype, options = _superblock(mountinfo, device)
    if fstype in SMB and "nobrl" in options:
        return "nobrl"
    if fstype == "nfs":
        return next((word for word in ("nolock", "local_lock=all", "local_lock=posix") if word in options), "")
    return ""


def caches_nothing(mountinfo: str, device: str) -> bool:
    """Whether cifs, by `nolease`, keeps nothing of the mounted file system's files in memory."""
    return "nolease" in _superblock(mountinfo, device)[1]


def server_of(mountinfo: str, device: str) -> str:
    """The address of the server that the mounted file system `device` comes from, "" where the table has none."""
    return next((word[5:] for word in _superblock(mountinfo, device)[1] if word.startswith("addr=")), "")


def _superblock(mountinfo: str, device: str) -> tuple[str, list[str]]:
    """Type and options of a super block, from /proc/self/mountinfo (proc(5))."""
    for line in mountinfo.split("\n"):
        head, _, tail = line.partition(" - ")
        fields, words = head.split(" "), tail.split(" ")
        if len(fields) > 2 and len(words) > 2 and fields[2] == device:
            return words[0], unescape(words[2]).split(",")
    return "", []


class Claim(NamedTuple):
    """A process that holds the lease on the container `path` (claimant.py), on the mount `device`."""

    pid: int
    device: str
    path: str
