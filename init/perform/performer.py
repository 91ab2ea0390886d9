"""Operations become kernel calls: the other end of boot.boot().

`run()` sends each operation's answer back into the boot and throws StepError where it failed.
"""

from __future__ import annotations

import os
import time

from init import operations
from init.network import configure, state, texts
from init.operations import StepError
from init.perform import loop_device, ramdisk, switch
from init.perform.drivers import Drivers
from init.perform.paths import resolve
from init.perform.smb import share_error
from init.shutdown import reboot_watch
from init.system import console, places, spawn, syscalls
from init.system.cmodules import signal, socket
from init.system.files import read_text
from init.system.log import DEBUG, ERROR, INFO, KernelMessages, Log, limit_kernel_log
from init.system.places import SYSROOT
from init.system.stdlib import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from init.boot import share_needs
    from init.container_lease import holders, record
    from init.operations import Steps
    from init.perform.patience import Patience


class Performer:
    """Carries operations out; keeps what later ones need of earlier ones."""

    def __init__(
        self, log: Log, environment: dict[str, str], panic: int, debug: bool = False, patience: Patience | None = None
    ) -> None:
        self._log = log
        self._patience = patience
        self._environment = environment
        self._panic = panic
        self._debug = debug
        self._drivers: Drivers | None = None
        self._network = state.Network(())
        self._claims: holders.Claims | None = None

    def run(self, steps: Steps) -> None:
        """Drive a boot to its end."""
        answer: Any = None
        error: StepError | None = None
        try:
            while True:
                operation = steps.throw(error) if error else steps.send(answer)
                answer, error = None, None
                if self._debug and not isinstance(operation, (operations.Log, operations.Now)):
                    self._log.write(DEBUG, f"debug: {operation.describe()}")
                try:
                    answer = self._carry_out(operation)
                except StepError as failed:
                    error = failed
                except OSError as failed:
                    error = _step_error(operation, failed)
        except StopIteration:
            return

    def _carry_out(self, operation: operations.Operation) -> Any:
        if not self._patience or not isinstance(operation, _ASK_THE_SERVER):
            return self._carry_out_now(operation)
        self._patience.begin(operation.describe())
        try:
            return self._carry_out_now(operation)
        finally:
            self._patience.over()

    def _carry_out_now(self, operation: operations.Operation) -> Any:
        if function := loop_device.METHODS.get(type(operation)):
            return function(operation)
        return getattr(self, _METHODS[type(operation)])(operation)

    def _now(self, _: operations.Now) -> float:
        return time.monotonic()

    def _sleep(self, operation: operations.Sleep) -> None:
        time.sleep(operation.seconds)

    def _write(self, operation: operations.Log) -> None:
        self._log.write(operation.level, operation.text)

    def _report(self, operation: operations.Report) -> None:
        console.tell(["", *self._log.mask(operation.text).splitlines(), ""])

    def _load_drivers(self, _: operations.LoadDrivers) -> int:
        drivers = self._drivers = self._drivers or Drivers(self._log.write)
        if reason := drivers.mismatch():
            raise StepError(reason, hint="build the image for this kernel: mkinitfs build --kernel-version VERSION")
        loaded = drivers.coldplug()
        drivers.listen()
        return loaded

    def _configure_network(self, operation: operations.ConfigureNetwork) -> configure.Network:
        try:
            found = configure.configure(
                operation.requests,
                operation.devices,
                deadline=time.monotonic() + operation.timeout,
                log=lambda line, level=INFO: self._log.write(level, f"network: {line}"),
            )
            if found.interfaces:
                _leave_for_managers(found)
        except configure.NetworkError as error:
            raise StepError(error.message, hint=error.hint) from error
        self._network = found
        configure.leave_files(found)
        with open("/etc/resolv.conf", "w") as file:
            file.write(texts.resolv_conf(found))
        if found.hostname:
            socket.sethostname(found.hostname)
        return found

    def _mount_share(self, operation: operations.MountShare) -> None:
        os.makedirs(operation.target, exist_ok=True)
        argv = ("/sbin/mount.cifs", operation.unc, operation.target, "-o", operation.options)
        with KernelMessages() as messages:
            done = spawn.run(argv, timeout=operation.timeout, secret=operation.password)
            if done.code == 0:
                return
            said = tuple(line for line in done.output.splitlines() if line.strip() and "manual page" not in line)
            raise share_error(operation.unc, done, said + messages.said())

    def _try_root(self, operation: operations.TryRoot) -> share_needs.Found:
        from init.perform import share_probe  # for a share that is itself the root

        return share_probe.probe(operation.root, read_only=operation.read_only, seconds=operation.seconds)

    def _take_host_name(self, operation: operations.TakeHostName) -> bool:
        lines = [line.strip() for line in read_text(f"{operation.root}/etc/hostname").splitlines()]
        name = next((line for line in lines if line and line[0] != "#"), "")  # hostname(5)
        if name in ("", os.uname().nodename):
            return False
        socket.sethostname(name)
        return True

    def _unmount(self, operation: operations.Unmount) -> None:
        syscalls.umount2(operation.target, syscalls.MNT_DETACH)

    def _mount_export(self, operation: operations.MountExport) -> str:
        from init.perform import nfs  # few machines need it

        return nfs.mount(*operation, self._network, self._log.write)

    def _claim(self, operation: operations.Claim) -> record.Answer:
        from init.container_lease import holders  # a container's alone

        self._claims = self._claims or holders.Claims()
        return self._claims.claim(operation, self._network)

    def _give_up(self, operation: operations.GiveUp) -> None:
        if self._claims:
            self._claims.give_up(operation.path)

    def _machine_names(self, _: operations.MachineNames) -> dict[str, str]:
        first = next(iter(self._network.interfaces), None)
        mac, address = (first.mac, first.address) if first else ("", "")
        return {"m": mac, "h": self._network.hostname, "i": address}

    def _make_container(self, operation: operations.MakeContainer) -> bool:
        from init.perform import new_container  # only where a machine keeps one for itself

        return new_container.make(operation.path, operation.size)

    def _make_folders(self, operation: operations.MakeFolders) -> None:
        for path in operation.paths:
            os.makedirs(path, exist_ok=True)

    def _check(self, operation: operations.CheckFilesystem) -> operations.Checked | None:
        return loop_device.check(operation, self._log.write)

    def _resolve(self, operation: operations.Resolve) -> str:
        return resolve(operation.root, operation.path)

    def _stage(self, _: operations.StageRamdisk) -> int:
        return ramdisk.stage()

    def _leave(self) -> None:
        """The last things before the real init: nothing of ours is left running."""
        if self._patience:
            self._patience.stop()
        if self._drivers:
            self._drivers.stop()
        if self._claims and ramdisk.staged():
            self._claims.go_over()
        self._log.save()
        limit_kernel_log("ratelimit")  # the kernel's default

    def _switch_root(self, operation: operations.SwitchRoot) -> None:
        self._leave()
        keeper = self._leave_keeper()
        try:
            switch.become(operation.argv, self._environment)
        except OSError:
            if keeper:
                os.kill(keeper, signal.SIGKILL)
                os.waitpid(keeper, 0)
            raise

    def _leave_keeper(self) -> int:
        """Leave somebody behind where there is a network and a ramdisk to stand on; 0 for nobody."""
        try:
            return switch.leave_keeper() if self._network.interfaces and ramdisk.staged() else 0
        except OSError as error:
            self._log.write(ERROR, f"switch: nobody will keep the network: {error.strerror}")
            return 0

    def _supervise(self, operation: operations.Supervise) -> None:
        self._leave()
        ours, theirs = socket.socketpair()
        try:
            child = switch.start_in_namespace(operation.argv, self._environment, theirs)
            listener = reboot_watch.receive(ours)
        finally:
            ours.close()
            theirs.close()
        switch.become_supervisor(child, listener, self._panic)

    def _shell(self, operation: operations.Shell) -> str:
        self._log.save()
        return console.interactive_shell(operation.greeting)

    def _end(self, operation: operations.End) -> None:
        if self._patience:
            self._patience.stop()
        if self._drivers:
            self._drivers.stop()
        end(operation.verb, self._log)


_METHODS = {
    operations.Now: "_now", operations.Sleep: "_sleep", operations.Log: "_write", operations.Report: "_report", operations.LoadDrivers: "_load_drivers",
    operations.ConfigureNetwork: "_configure_network", operations.MountShare: "_mount_share",
    operations.MountExport: "_mount_export", operations.TryRoot: "_try_root", operations.Unmount: "_unmount",
    operations.TakeHostName: "_take_host_name",
    operations.Claim: "_claim", operations.GiveUp: "_give_up", operations.MachineNames: "_machine_names",
    operations.MakeContainer: "_make_container", operations.MakeFolders: "_make_folders",
    operations.CheckFilesystem: "_check",
    operations.Resolve: "_resolve", operations.StageRamdisk: "_stage", operations.SwitchRoot: "_switch_root", operations.Supervise: "_supervise",
    operations.Shell: "_shell", operations.End: "_end",
}  # fmt: skip
# Calls of PID 1's own that wait for as long as the server is away.
_ASK_THE_SERVER = (
    operations.FindContainer, operations.ReadAt, operations.AttachLoop, operations.DetachLoop, operations.Mount, operations.Unmount, operations.TakeHostName,
    operations.MakeContainer, operations.MakeFolders, operations.Resolve,
)  # fmt: skip


def end(verb: str, log: Log) -> None:
    """Hand back what a boot has attached, the way a shutdown does, and end the machine; does not return."""
    from init.shutdown import teardown  # only a boot that failed goes this way

    teardown.finish(verb, SYSROOT, places.NETWORK_AT_BOOT, log.write)


def _leave_for_managers(found: configure.Network) -> None:
    """Have the real system's network managers keep what is configured. Raises NetworkError, OSError."""
    from init.network import managers  # once is enough, and the way back has no use for it
    from init.network.rtnetlink import Rtnetlink

    with Rtnetlink() as kernel:
        left = managers.left(found, kernel.links().values())
    for path, content in left.files.items():
        os.makedirs(os.path.dirname(f"/run/{path}"), exist_ok=True)
        with open(f"/run/{path}", "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(content)
    for path, target in left.links.items():
        if not os.path.lexists(f"/run/{path}"):
            os.symlink(target, f"/run/{path}")


def _step_error(operation: operations.Operation, error: OSError) -> StepError:
    """An OSError nobody foresaw, told with the operation it came from."""
    where = f": {error.filename}" if error.filename else ""
    return StepError(f"cannot {operation.describe()}: {error.strerror}{where}", errno=error.errno or 0)
