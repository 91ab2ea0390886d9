"""Operations become kernel calls: the other end of boot.boot().

`run()` sends each operation's answer back into the boot and throws StepError where it failed.
"""

from __future__ import annotations

import errno
import os
import stat
import time

from . import attach, console, kernel, netfiles, netstate, network, ops, ramdisk, rebootwatch, spawn, switch
from .cheap import TYPE_CHECKING, signal, socket
from .drivers import Drivers, read_text
from .log import KernelMessages, Log
from .ops import StepError
from .places import SYSROOT

if TYPE_CHECKING:
    from typing import Any

    from . import claim, claims, rootcheck
    from .boot import Steps
    from .patience import Patience

# What mount.cifs's numbers mean to whoever set the share up (fs/smb/client, and what a server answers).
_SHARE_HINTS = {
    errno.EACCES: "wrong user name or password? username=, password= in cifsroot=, or build --credentials FILE",
    errno.EPERM: "wrong user name or password? username=, password= in cifsroot=, or build --credentials FILE",
    errno.ENOENT: "does the share exist on the server? and does the image hold the ciphers cifs asks for?",
    errno.ENXIO: "does the share exist on the server, in this spelling?",
    errno.EOPNOTSUPP: "the server does not speak this version: vers= in cifsroot= asks for another",
    errno.EINVAL: "an option that this kernel's cifs does not know? see dmesg",
    errno.ENODEV: "cifs.ko is not in this image or does not fit the kernel",
}
_PASSING = (
    errno.EHOSTDOWN, errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT, errno.EAGAIN,
    errno.ECONNRESET, errno.ECONNABORTED, errno.EINPROGRESS, errno.ENETDOWN, errno.EIO,
)  # fmt: skip
_SERVER_HINT = "is the server on, and reachable from here? port= and the network are worth a look"


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
        self._network = netstate.Network(())
        self._claims: claims.Claims | None = None

    def run(self, steps: Steps) -> None:
        """Drive a boot to its end."""
        answer: Any = None
        error: StepError | None = None
        try:
            while True:
                operation = steps.throw(error) if error else steps.send(answer)
                answer, error = None, None
                if self._debug and not isinstance(operation, (ops.Log, ops.Now)):
                    self._log.write(7, f"debug: {operation.describe()}")
                try:
                    answer = self._carry_out(operation)
                except StepError as failed:
                    error = failed
                except OSError as failed:
                    error = _step_error(operation, failed)
        except StopIteration:
            return

    def _carry_out(self, operation: ops.Operation) -> Any:
        if not self._patience or not isinstance(operation, _ASK_THE_SERVER):
            return self._carry_out_now(operation)
        self._patience.begin(operation.describe())
        try:
            return self._carry_out_now(operation)
        finally:
            self._patience.over()

    def _carry_out_now(self, operation: ops.Operation) -> Any:
        if function := attach.METHODS.get(type(operation)):
            return function(operation)
        return getattr(self, _METHODS[type(operation)])(operation)

    def _now(self, _: ops.Now) -> float:
        return time.monotonic()

    def _sleep(self, operation: ops.Sleep) -> None:
        time.sleep(operation.seconds)

    def _write(self, operation: ops.Log) -> None:
        self._log.write(operation.level, operation.text)

    def _report(self, operation: ops.Report) -> None:
        console.tell(["", *self._log.mask(operation.text).splitlines(), ""])

    def _load_drivers(self, _: ops.LoadDrivers) -> int:
        drivers = self._drivers = self._drivers or Drivers(self._log.write)
        if reason := drivers.mismatch():
            raise StepError(
                reason, hint="build the image for this kernel: mkinitfs build --kernel-version VERSION"
            )
        loaded = drivers.coldplug()
        drivers.listen()
        return loaded

    def _configure_network(self, operation: ops.ConfigureNetwork) -> network.Network:
        try:
            found = network.configure(
                operation.requests,
                operation.devices,
                deadline=time.monotonic() + operation.timeout,
                log=lambda line, level=6: self._log.write(level, f"network: {line}"),
            )
            if found.interfaces:
                _leave_for_managers(found)
        except network.NetworkError as error:
            raise StepError(error.message, hint=error.hint) from error
        self._network = found
        network.leave_files(found)
        with open("/etc/resolv.conf", "w") as file:
            file.write(netstate.resolv_conf(found))
        if found.hostname:
            socket.sethostname(found.hostname)
        return found

    def _mount_share(self, operation: ops.MountShare) -> None:
        os.makedirs(operation.target, exist_ok=True)
        argv = ("/sbin/mount.cifs", operation.unc, operation.target, "-o", operation.options)
        with KernelMessages() as messages:
            done = spawn.run(argv, timeout=operation.timeout, secret=operation.password)
            if done.code == 0:
                return
            said = tuple(
                line for line in done.output.splitlines() if line.strip() and "manual page" not in line
            )
            raise _share_error(operation.unc, done, said + messages.said())

    def _try_root(self, operation: ops.TryRoot) -> rootcheck.Found:
        from . import rootprobe  # for a share that is itself the root

        return rootprobe.probe(operation.root, read_only=operation.read_only, seconds=operation.seconds)

    def _take_host_name(self, operation: ops.TakeHostName) -> bool:
        lines = [line.strip() for line in read_text(f"{operation.root}/etc/hostname").splitlines()]
        name = next((line for line in lines if line and line[0] != "#"), "")  # hostname(5)
        if name in ("", os.uname().nodename):
            return False
        socket.sethostname(name)
        return True

    def _unmount(self, operation: ops.Unmount) -> None:
        kernel.umount2(operation.target, kernel.MNT_DETACH)

    def _mount_export(self, operation: ops.MountExport) -> str:
        from . import nfsmount  # few machines need it

        return nfsmount.mount(*operation, self._network, self._log.write)

    def _claim(self, operation: ops.Claim) -> claim.Answer:
        from . import claims  # a container's alone

        self._claims = self._claims or claims.Claims()
        return self._claims.claim(operation, self._network)

    def _give_up(self, operation: ops.GiveUp) -> None:
        if self._claims:
            self._claims.give_up(operation.path)

    def _machine_names(self, _: ops.MachineNames) -> dict[str, str]:
        first = next(iter(self._network.interfaces), None)
        mac, address = (first.mac, first.address) if first else ("", "")
        return {"m": mac, "h": self._network.hostname, "i": address}

    def _make_container(self, operation: ops.MakeContainer) -> bool:
        from . import newcontainer  # only where a machine keeps one for itself

        return newcontainer.make(operation.path, operation.size)

    def _make_folders(self, operation: ops.MakeFolders) -> None:
        for path in operation.paths:
            os.makedirs(path, exist_ok=True)

    def _check(self, operation: ops.CheckFilesystem) -> ops.Checked | None:
        return attach.check(operation, self._log.write)

    def _resolve(self, operation: ops.Resolve) -> str:
        return resolve(operation.root, operation.path)

    def _stage(self, _: ops.StageRamdisk) -> int:
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

    def _switch_root(self, operation: ops.SwitchRoot) -> None:
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
            self._log.write(3, f"switch: nobody will keep the network: {error.strerror}")
            return 0

    def _supervise(self, operation: ops.Supervise) -> None:
        self._leave()
        ours, theirs = socket.socketpair()
        try:
            child = switch.start_in_namespace(operation.argv, self._environment, theirs)
            listener = rebootwatch.receive(ours)
        finally:
            ours.close()
            theirs.close()
        switch.become_supervisor(child, listener, self._panic)

    def _shell(self, operation: ops.Shell) -> str:
        self._log.save()
        return console.interactive_shell(operation.greeting)

    def _end(self, operation: ops.End) -> None:
        if self._patience:
            self._patience.stop()
        if self._drivers:
            self._drivers.stop()
        end(operation.verb, self._log)


_METHODS = {
    ops.Now: "_now", ops.Sleep: "_sleep", ops.Log: "_write", ops.Report: "_report", ops.LoadDrivers: "_load_drivers",
    ops.ConfigureNetwork: "_configure_network", ops.MountShare: "_mount_share",
    ops.MountExport: "_mount_export", ops.TryRoot: "_try_root", ops.Unmount: "_unmount",
    ops.TakeHostName: "_take_host_name",
    ops.Claim: "_claim", ops.GiveUp: "_give_up", ops.MachineNames: "_machine_names",
    ops.MakeContainer: "_make_container", ops.MakeFolders: "_make_folders",
    ops.CheckFilesystem: "_check",
    ops.Resolve: "_resolve", ops.StageRamdisk: "_stage", ops.SwitchRoot: "_switch_root", ops.Supervise: "_supervise",
    ops.Shell: "_shell", ops.End: "_end",
}  # fmt: skip
# Calls of PID 1's own that wait for as long as the server is away.
_ASK_THE_SERVER = (
    ops.FindContainer, ops.ReadAt, ops.AttachLoop, ops.DetachLoop, ops.Mount, ops.Unmount, ops.TakeHostName,
    ops.MakeContainer, ops.MakeFolders, ops.Resolve,
)  # fmt: skip


def end(verb: str, log: Log) -> None:
    """Hand back what a boot has attached, the way a shutdown does, and end the machine; does not return."""
    from . import teardown  # only a boot that failed goes this way

    teardown.finish(verb, SYSROOT, netfiles.STATE_FOLDER, log.write)


def _leave_for_managers(found: network.Network) -> None:
    """Have the real system's network managers keep what is configured. Raises NetworkError, OSError."""
    from . import netkeep  # once is enough, and the way back has no use for it
    from .rtnl import Kernel

    with Kernel() as kernel:
        left = netkeep.left(found, kernel.links().values())
    for path, content in left.files.items():
        os.makedirs(os.path.dirname(f"/run/{path}"), exist_ok=True)
        with open(f"/run/{path}", "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(content)
    for path, target in left.links.items():
        if not os.path.lexists(f"/run/{path}"):
            os.symlink(target, f"/run/{path}")


def _step_error(operation: ops.Operation, error: OSError) -> StepError:
    """An OSError nobody foresaw, told with the operation it came from."""
    where = f": {error.filename}" if error.filename else ""
    return StepError(f"cannot {operation.describe()}: {error.strerror}{where}", errno=error.errno or 0)


def _share_error(unc: str, done: spawn.Finished, said: tuple[str, ...]) -> StepError:
    """Why mount.cifs failed: its number, whether waiting can help, and what to try."""
    if done.timed_out:
        return StepError(
            f"{unc}: no answer from the server", said, errno.ETIMEDOUT, retry=True, hint=_SERVER_HINT
        )
    number = mount_error(done.output)
    if "could not resolve address" in done.output:
        hint = "does the network's DNS know the server? an address in cifsroot= needs none"
        return StepError(f"{unc}: the server's name cannot be resolved", said, retry=True, hint=hint)
    retry = number in _PASSING
    reason = os.strerror(number) if number else f"mount.cifs ended with {done.code}"
    hint = _SERVER_HINT if retry else _SHARE_HINTS.get(number, "")
    return StepError(f"{unc}: {reason}", said, number, retry=retry, hint=hint)


def mount_error(output: str) -> int:
    """The error number in mount.cifs's «mount error(13): Permission denied», 0 where there is none."""
    _, found, rest = output.partition("mount error(")
    number = rest.partition(")")[0]
    return int(number) if found and number.isdigit() else 0


def resolve(root: str, path: str) -> str:
    """Where `path` leads below `root`, links followed as that root would follow them; "" for no program."""
    done: list[str] = []
    parts = path.split("/")
    for _ in range(400):  # 40 links at most (path_resolution(7)), each of a few parts
        if not parts:
            break
        part = parts.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            done = done[:-1]
            continue
        here = "/".join([root, *done, part])
        if os.path.islink(here):
            target = os.readlink(here)
            done = [] if target.startswith("/") else done
            parts = target.split("/") + parts
        else:
            done.append(part)
    else:
        return ""
    try:
        found = os.stat("/".join([root, *done]))
    except OSError:
        return ""
    executable = stat.S_ISREG(found.st_mode) and found.st_mode & 0o111 and found.st_size
    return "/" + "/".join(done) if executable else ""


def limit_kernel_log(word: str) -> None:
    """Set printk_devkmsg: "on" lets every line of ours through, where the kernel drops all but ten in 5 s."""
    try:
        with open("/proc/sys/kernel/printk_devkmsg", "w") as file:
            file.write(f"{word}\n")  # without the newline the kernel refuses it (devkmsg_sysctl_set_loglvl)
    except OSError:
        pass  # fixed on the command line by printk.devkmsg=
