"""The record beside a container: which machine writes it, as a value and as the file's text."""

from __future__ import annotations

from init.system.stdlib import NamedTuple

JOURNAL = "journal"  # a reader's: it replays the journal and gives the lease back (boot/journal.py)


class Record(NamedTuple):
    """Who writes the container; where a field holds several, blanks separate them."""

    host: str = ""
    addresses: str = ""
    macs: str = ""
    machine: str = ""  # the product's UUID (SMBIOS)
    boot: str = ""  # the kernel's boot_id
    since: str = ""  # in that machine's own time
    ports: str = ""  # its ends of the connections to the server (stale_connections.py)
    task: str = ""  # JOURNAL, or "" for a root that is written
    asked: str = ""  # whether a machine that looks like the writer has asked if that is still there

    def encode(self, name: str) -> str:
        """Return the text of the file beside the container `name`."""
        head = f"# Who writes {name}. The lock on the server is what counts; this only says whose it is.\n"
        return head + "".join(f"{key}={_line(value)}\n" for key, value in self._asdict().items())

    @classmethod
    def decode(cls, text: str) -> Record | None:
        """Read such a text; None where it is no record."""
        values = dict(line.split("=", 1) for line in text.split("\n") if "=" in line and line[0] != "#")
        record = cls(*(_line(values.get(key, "")) for key in cls._fields))
        return record if any(record) else None

    def is_machine(self, other: Record) -> bool:
        """Whether both are of one machine: the same card, and no machine-id to the contrary."""
        same = not (self.machine and other.machine) or self.machine == other.machine
        return same and bool(set(self.macs.split()) & set(other.macs.split()))

    def describe(self) -> str:
        name = self.host or "a machine without a name"
        where = ", ".join(word for word in [*self.addresses.split(), *self.macs.split()] if word != self.host)
        since = f" since {self.since}" if self.since else ""
        task = ", which replays its journal" if self.task == JOURNAL else ""
        return (f"{name} ({where})" if where else name) + since + task


def _line(text: str) -> str:
    """`text` as what may stand in one line of a console: a record may have been written by anybody."""
    return "".join(character if character.isprintable() else "?" for character in text[:200])
