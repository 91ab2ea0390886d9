"""A guest in QEMU: a stock kernel under software emulation, its console, power button and network cable."""

from __future__ import annotations

import itertools
import re
import signal
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from . import clock
from .console import Console
from .process import Daemon, tail, until
from .qmp import Qmp
from .samba import Samba

# What makes emulation quick and changes nothing a test looks at: without page-table isolation and its like
# the emulator's translation caches survive a system call, and entropy need not be waited for. On a machine that is busy
# elsewhere the kernel's test of its timer sees no tick, calls that a broken board, and hangs: it is left out. The
# instruction that copies bytes, which a real processor is quick at, is emulated byte by byte: the kernel does without.
CHEAP = "mitigations=off random.trust_cpu=on no5lvl no_timer_check"
CPU = "max,-erms"

_numbers = itertools.count(1)


class Machine:
    """A machine with one processor that boots `kernel` and `initrd` on entering the context.

    Its network card (`nic`: a QEMU device name, None for no card) is on QEMU's user network: DHCP answers,
    and 10.0.2.2 is this machine's loopback. When the guest powers off, resets or panics with panic=-1, QEMU
    stays with the guest frozen and its connections alive until the context is left, so that a test can look
    at the server; with `reboot` a reset boots again instead. The transcript is `folder`/console-N.log.
    """

    def __init__(
        self,
        kernel: Path | None,
        initrd: Path | None,
        folder: Path,
        *,
        append: str = "",
        cpu: str = CPU,
        memory: int = 512,
        nic: str | None = "virtio-net-pci",
        drives: Sequence[Path] = (),
        samba: Samba | None = None,
        reboot: bool = False,
        quiet: bool = True,
        display: bool = False,
        serial: bool = True,
        netdev: str = "",
        options: Sequence[str] = (),
        prefix: Sequence[str] = (),
    ) -> None:
        """`append` comes behind `console=ttyS0 panic=-1`; `memory` in MiB; `cpu`, `netdev`, `options` are QEMU's.

        Without `serial` there is no such console, and nothing to read or to type.

        Without `kernel` and `initrd` the firmware looks for what to boot, and `command_line` is the loader's to give.
        QEMU is started through `prefix`, the words of a program that executes it (`nsenter`).
        """
        number = next(_numbers)
        self.transcript = folder / f"console-{number}.log"
        self._log = folder / f"qemu-{number}.log"
        self.samba = samba
        words = ["console=ttyS0", "panic=-1", CHEAP, clock.words(), *(["quiet"] if quiet else []), append]
        self.command_line = " ".join(word for word in words if word)
        self.argv: list[str | Path] = [*prefix, "qemu-system-x86_64", "-nodefaults", "-display", "none"]
        self.argv += ["-machine", "pc,accel=tcg,usb=off", "-cpu", cpu, "-smp", "1", "-m", str(memory)]
        self.argv += ["-no-user-config", "-vga", "std" if display else "none"]
        if kernel and initrd:
            self.argv += ["-kernel", kernel, "-initrd", initrd, "-append", self.command_line]
        self.argv += ["-action", f"reboot={'reset' if reboot else 'shutdown'},shutdown=pause,panic=pause"]
        if nic:
            self.argv += ["-netdev", f"user,id=net{',' + netdev if netdev else ''}"]
            self.argv += ["-device", f"{nic},id=nic,netdev=net,romfile="]
        for drive in drives:
            self.argv += ["-drive", f"file={drive},format=raw,if=virtio"]
        self.argv += options
        self._serial = "chardev:c0" if serial else "none"

    def start(self) -> None:
        """Start QEMU; the guest runs when this returns."""
        console, console_end = socket.socketpair()
        control, control_end = socket.socketpair()
        with console_end, control_end:
            fds = [console_end.fileno(), control_end.fileno()]
            channels = [f"socket,id=c{number},fd={fd}" for number, fd in enumerate(fds)]
            argv = [*self.argv, "-chardev", channels[0], "-serial", self._serial]
            argv += ["-chardev", channels[1], "-mon", "chardev=c1,mode=control"]
            self._qemu = Daemon(argv, self._log, pass_fds=fds)
        self.console, self.qmp = Console(console, self.transcript), Qmp(control)
        try:
            self.qmp.connect()
        except BaseException as error:
            self.close()
            error.add_note(f"--- {self._log}\n{tail(self._log)}")
            raise

    def wait_for(self, pattern: str, timeout: float = 240) -> re.Match[str]:
        """Wait until the console prints `pattern` behind the last match; see Console.wait_for."""
        return self.console.wait_for(pattern, timeout)

    def seen(self, pattern: str) -> bool:
        """Whether the console has printed `pattern` at any time."""
        return self.console.seen(pattern)

    def send(self, text: str) -> None:
        """Type `text` exactly as it is."""
        self.console.send(text)

    def type(self, line: str) -> None:
        """Type `line` and Enter."""
        self.send(line + "\n")

    def run(self, command: str, timeout: float = 180, status: int | None = 0) -> str:
        """Type `command` to a shell, wait for its end and return what it printed.

        AssertionError where its exit code is not `status` (None: any).
        """
        # The quotes keep the echo of the typed line from looking like the answer.
        self.type(f"""echo '<be''gin>'; {command}; echo "<e""nd $?>" """)
        self.wait_for(r"^<begin>\n", timeout)
        done = self.wait_for(r"(?s)(.*?)<end (\d+)>", timeout)
        assert status is None or int(done[2]) == status, f"{command}: exit code {done[2]}\n{done[1]}"
        return done[1]

    def status(self) -> str:
        """QEMU's word for what the guest does: running, paused, shutdown, guest-panicked…"""
        state: str = self.qmp.execute("query-status")["status"]
        return state

    def wait_powered_off(self, timeout: float = 240) -> None:
        """Wait until the guest has switched its power off; QEMU and its connections are still there."""
        self._wait_end("guest-shutdown", timeout)

    def wait_rebooted(self, timeout: float = 240) -> None:
        """Wait until the guest has reset the machine (a reboot, or a panic under panic=-1)."""
        self._wait_end("guest-reset", timeout)

    def wait_halted(self, timeout: float = 240) -> None:
        """Wait until the kernel says that it has halted; the power stays on."""
        self.wait_for("reboot: System halted", timeout)

    def _wait_end(self, wanted: Literal["guest-shutdown", "guest-reset"], timeout: float) -> None:
        end = time.monotonic() + timeout
        data = self.qmp.wait_event("RESET" if wanted == "guest-reset" and self.reboots else "SHUTDOWN", timeout)
        reason = data["reason"] if data else "none of them"
        if reason != wanted:
            last = "\n".join(self.console.text.splitlines()[-40:])
            raise AssertionError(f"machine: {wanted} expected, {reason} came; last lines of {self.transcript}:\n{last}")
        # What the guest printed last is still on its way through the console's thread.
        until(lambda: self.status() != "running" or self.reboots, max(end - time.monotonic(), 5), "guest stands still")

    @property
    def reboots(self) -> bool:
        """Whether a reset boots again."""
        return any(str(word).startswith("reboot=reset") for word in self.argv)

    def press_power_button(self) -> None:
        """Tell the guest over ACPI to shut down."""
        self.qmp.execute("system_powerdown")

    def set_link(self, up: bool) -> None:
        """Pull the network cable, or plug it in again."""
        self.qmp.execute("set_link", name="nic", up=up)

    def pause(self) -> None:
        """Stop the guest's processor; QEMU's side of the network goes on."""
        self.qmp.execute("stop")

    def resume(self) -> None:
        """Let the guest's processor go on."""
        self.qmp.execute("cont")

    def cut_power(self) -> None:
        """Freeze QEMU whole: to the server it looks like a power cut, no connection is closed."""
        self._qemu.signal(signal.SIGSTOP)

    def screenshot(self, path: Path) -> None:
        """Save the screen as PNG; the machine must have been made with `display`."""
        self.qmp.execute("screendump", filename=str(path), format="png")

    def close(self) -> None:
        """End QEMU, whatever the guest does."""
        self._qemu.close()
        self.console.close()
        self.qmp.close()

    def __enter__(self) -> Machine:
        self.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            error.add_note(f"--- {self._log}\n{tail(self._log)}\n--- transcript: {self.transcript}")
        self.close()
