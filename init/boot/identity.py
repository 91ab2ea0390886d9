"""What makes one machine of a shared root another than the next: names in paths, host name, machine-id."""

from __future__ import annotations

from init.cmdline import placeholders
from init.operations import Log, MachineNames, StepError, Steps, WriteIdentity
from init.system.log import INFO, WARNING
from init.system.stdlib import TYPE_CHECKING

if TYPE_CHECKING:
    from init.cmdline.cifsroot import Share

# The first digits of a machine-id that is made of a MAC address: "mkinitfs" in ASCII.
_OURS = "6d6b696e69746673"


def expand(path: str, word: str) -> Steps:
    """Answers `path` with this machine's names in it; `word` is the parameter that it is the value of.

    StepError where there is none of what it asks for.
    """
    try:
        return placeholders.expand(path, (yield MachineNames()))
    except KeyError as error:
        raise StepError(
            f"{word}={path}: nothing is known for %{error.args[0]}", hint="%m, the MAC address, always is"
        ) from error


def named(share: Share) -> Steps:
    """Answers `share` with this machine's names in its folder; server and share are what they are."""
    *before, folder = share.unc.split("/", 4)
    if len(before) < 4:
        return share
    return share._replace(unc="/".join([*before, (yield from expand(folder, "cifsroot"))]))


def machine_id(names: dict[str, str]) -> str:
    """A machine-id(5) of this machine's own, the same at each boot; "" where nothing tells it from others.

    Made of the MAC address, not of the product's UUID: cheap boards share theirs with all of their kind, and machines
    with one machine-id are one DHCP client to their server.
    """
    mac, product = names["m"].replace(":", ""), names["u"].replace("-", "").lower()
    if mac:
        return _OURS + mac[-16:].rjust(16, "0")
    return product if len(product) == 32 and len(set(product)) > 1 else ""


def give(root: str) -> Steps:
    """Write the host name that ip= or DHCP gave, and a machine-id, into the root on `root`; it fails no boot."""
    names = yield MachineNames()
    write = WriteIdentity(root, names["h"], machine_id(names))
    if not any((write.host_name, write.machine_id)):
        return
    try:
        yield write
    except StepError as error:
        yield Log(WARNING, f"overlay: {error.reason}")
    else:
        yield Log(INFO, f"overlay: this machine is {write.host_name or 'without a name'}, {write.machine_id}")
