"""make demo: a system boots from a container on a Samba share, is powered off, and gives every lock back.

What it shows is real and private to it: server, image and machine live below one temporary folder and are gone
afterwards. The exit code is 0 when the server has nothing open, nothing locked and no connection while the
machine is still there, and the file system in the container is clean.
"""

import shlex
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mkinitfs.errors import MkinitfsError
from tests.command import run
from tests.kernels import Kernel, kernel
from tests.roots import PROMPT, busybox_root
from tests.vm.harness import Machine, Samba, check, make_container, read_file
from tests.vm.harness.samba import HOST_SEEN_BY_GUEST

CONTAINER = "disk.img"


def say(text: str = "") -> None:
    print(text, flush=True)


def heading(text: str) -> None:
    say(f"\n== {text} ==")


class Live:
    """Shows a machine's console line by line while it talks, each line marked as the guest's."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._shown = 0

    def _show(self, text: str) -> None:
        """Show the whole lines of `text` that were not shown yet."""
        lines = text.split("\n")[:-1]
        for line in lines[self._shown :]:
            if line.strip():
                say(f"  | {line.strip(chr(13))}")  # init's messages begin with a carriage return
        self._shown = max(self._shown, len(lines))

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show what the machine says while the body runs."""
        done = threading.Event()

        def follow() -> None:
            while not done.wait(0.1):
                self._show(self._machine.console.text)

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            self._show(self._machine.console.text)


def build(found: Kernel, folder: Path, server: Samba) -> Path:
    """The image, by the command that a user would type; the password goes into it, not onto a command line."""
    credentials, image = folder / "credentials", folder / "initramfs.img"
    credentials.touch(mode=0o600)
    credentials.write_text(f"username={server.user}\npassword={server.password}\n")
    argv = [Path(sys.executable).with_name("mkinitfs"), "build", "--profile", "cifs-loop"]
    argv += ["--kernel-dir", found.root, "--hardware", "virtio_net"]
    argv += ["--credentials", credentials, "--output", image]
    say("$ " + shlex.join(["mkinitfs", *map(str, argv[1:])]))
    say(run(argv).strip())
    return image


def show_server(server: Samba) -> bool:
    """What smbstatus says; answers whether the server holds anything for anyone."""
    opened = [f"{Path(file.path).name} ({file.access}, {file.oplock})" for file in server.open_files()]
    locks = [f"{lock.path} {lock.start}+{lock.size}" for lock in server.locks()]
    connected = server.connections()
    say(f"$ smbstatus --configfile={server.config}")
    for name, found in (("files open", opened), ("byte ranges locked", locks), ("shares in use", connected)):
        say(f"  {name:20}{', '.join(found) or 'none'}")
    return bool(opened or locks or connected)


def demo(folder: Path) -> bool:
    """The whole round; answers whether everything was given back."""
    heading("1. A kernel, a system in a container, a file server")
    found, root = kernel("6.1"), busybox_root()
    container = folder / "share" / CONTAINER
    container.parent.mkdir()
    make_container(container, root.tree, "ext4")
    say(f"kernel     Debian {found.version}, unchanged")
    say(f"container  {container}: busybox on ext4, {container.stat().st_size >> 20} MiB")
    with Samba(folder) as server:
        say(f"server     {run(['smbd', '--version']).strip()}, private, 127.0.0.1:{server.port}, share [share]")
        heading("2. The initramfs")
        image = build(found, folder, server)
        heading("3. The server before: nothing is open")
        show_server(server)
        words = f"root=/dev/cifs cifsroot=//{HOST_SEEN_BY_GUEST}/share,port={server.port}"
        words += f" loop={CONTAINER} rw ip=dhcp"
        with Machine(found.vmlinuz, image, folder, samba=server, append=words) as machine:
            given_back = round_trip(machine, server, words)
        heading("7. The container afterwards")
        verdict = check(container)
        written = read_file(container, "/root/note").decode().strip()
        say(f"$ e2fsck -f -n {container}\n  " + "\n  ".join(verdict.report.splitlines()[-2:-1]))
        say(f"  {'clean' if verdict.clean else 'NOT CLEAN'}; in /root/note: {written}")
    return given_back and verdict.clean and written == "written in the guest"


def round_trip(machine: Machine, server: Samba, words: str) -> bool:
    """Boot, look at the server, power off, look again; answers whether everything was given back."""
    live = Live(machine)
    heading("4. A machine boots with it (QEMU, software emulation: a few seconds)")
    say(f"kernel command line: {words}")
    with live.shown():
        came = machine.wait_for(f"{PROMPT}|Kernel panic|\\(initramfs\\) ", 180)
        assert came[0] == PROMPT, "the system did not come up: see the console above"
        for line in ("cat /run/initramfs/timeline", "echo written in the guest >/root/note", "dmesg -n 6"):
            machine.type(line)
            machine.wait_for(PROMPT)
    heading("5. The server while the system runs: the container is open")
    held = show_server(server)
    heading("6. poweroff")
    with live.shown():
        machine.type("poweroff")
        machine.wait_powered_off(120)
    say(f"The guest is off; QEMU is still there ({machine.status()}) with its connections. The server now:")
    kept = show_server(server)
    return held and not kept


def main() -> int:
    """Run the demo; 0 when all is given back, 1 otherwise."""
    try:
        with tempfile.TemporaryDirectory(prefix="mkinitfs-demo-", ignore_cleanup_errors=True) as folder:
            good = demo(Path(folder))
    except (MkinitfsError, AssertionError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    say(
        "\nEverything is released: no file open, no lock, no connection, the file system is clean."
        if good
        else "\nNOT everything was released: see above."
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
