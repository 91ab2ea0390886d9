"""Operations carried out: the function of each, and the loop at the other end of boot/steps.py."""

from __future__ import annotations

import os
import time

from init import operations
from init.cmdline import secrets
from init.network.state import Network
from init.operations import StepError, Steps
from init.perform import loop_device, network, paths, ramdisk, smb, switch
from init.perform.drivers import Drivers
from init.perform.machine import Machine
from init.system import console, places, syscalls
from init.system.log import DEBUG, Say
from init.system.stdlib import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from init.boot.share_needs import Look
    from init.container_lease.messages import Answer

Function = Callable[["Machine", Any], Any]


def run(machine: Machine, steps: Steps) -> None:
    """Drive a boot to its end: each operation's answer is sent into it, or StepError thrown where it failed."""
    answer: Any = None
    error: StepError | None = None
    try:
        while True:
            operation = steps.throw(error) if error else steps.send(answer)
            answer, error = None, None
            if machine.debug and not isinstance(operation, (operations.Log, operations.Now)):
                machine.say(DEBUG, f"debug: {operation.describe()}")
            try:
                answer = _carry_out(machine, operation)
            except StepError as failed:
                error = failed
            except OSError as failed:
                error = _step_error(operation, failed)
    except StopIteration:
        return


def end(verb: str, say: Say) -> None:
    """Hand back what a boot has attached, the way a shutdown does, and end the machine; does not return."""
    from init.shutdown import teardown  # late: few boots need it

    teardown.finish(verb, places.SYSROOT, places.NETWORK_AT_BOOT, say)


def _carry_out(machine: Machine, operation: operations.Operation) -> Any:
    function = FUNCTIONS[type(operation)]
    if not machine.patience or not isinstance(operation, _ASK_THE_SERVER):
        return function(machine, operation)
    machine.patience.begin(operation.describe())
    try:
        return function(machine, operation)
    finally:
        machine.patience.over()


def _step_error(operation: operations.Operation, error: OSError) -> StepError:
    """An OSError that no function foresaw, told with the operation it came from."""
    where = f": {error.filename}" if error.filename else ""
    return StepError(f"cannot {operation.describe()}: {error.strerror}{where}", errno=error.errno or 0)


def _alone(function: Callable[[Any], Any]) -> Function:
    """`function` for the table, where it needs nothing but the operation."""
    return lambda _, operation: function(operation)


def _report(machine: Machine, operation: operations.Report) -> None:
    console.tell(["", *machine.log.mask(operation.text).splitlines(), ""])


def _load_drivers(machine: Machine, operation: operations.LoadDrivers) -> int:
    drivers = machine.drivers = machine.drivers or Drivers(machine.say, operation.words)
    if reason := drivers.mismatch():
        raise StepError(reason, hint="build the image for this kernel: mkinitfs build --kernel-version VERSION")
    loaded = drivers.coldplug()
    drivers.listen()
    return loaded


def _configure_network(machine: Machine, operation: operations.ConfigureNetwork) -> Network:
    renewal = machine.renewal
    machine.network = renewal.stop(machine.network)
    try:
        machine.network = network.configure(operation, machine.network, machine.say)
        machine.log.secrets |= secrets.in_text(machine.network.rootpath)
        network.leave_word(machine.network)
    finally:
        renewal.start(machine.network)
    return machine.network


def _machine_names(machine: Machine, _: operations.MachineNames) -> dict[str, str]:
    from init.perform import identity  # late: few boots need it

    return identity.names(machine.network)


def _take_host_name(operation: operations.TakeHostName) -> bool:
    from init.perform import identity  # late: few boots need it

    return identity.take_host_name(operation)


def _write_identity(operation: operations.WriteIdentity) -> None:
    from init.perform import identity  # late: few boots need it

    identity.write(operation)


def _mount_export(machine: Machine, operation: operations.MountExport) -> str:
    from init.perform import nfs  # late: few boots need it

    return nfs.mount(operation, machine.network, machine.say)


def _try_root(operation: operations.TryRoot) -> Look:
    from init.perform import share_probe  # late: few boots need it

    return share_probe.probe(operation)


def _take_container_lease(machine: Machine, operation: operations.TakeContainerLease) -> Answer:
    from init.container_lease import holders  # late: few boots need it

    machine.holders = machine.holders or holders.Holders()
    return machine.holders.take(operation, machine.network)


def _give_container_lease_back(machine: Machine, operation: operations.GiveContainerLeaseBack) -> None:
    if machine.holders:
        machine.holders.give_back(operation.path)


def _make_container(operation: operations.MakeContainer) -> bool:
    from init.perform import new_container  # late: few boots need it

    return new_container.make(operation)


def _make_folders(operation: operations.MakeFolders) -> None:
    for path in operation.paths:
        os.makedirs(path, exist_ok=True)


def _shell(machine: Machine, operation: operations.Shell) -> str:
    machine.log.save()
    return console.interactive_shell(operation.greeting)


def _end(machine: Machine, operation: operations.End) -> None:
    if machine.patience:
        machine.patience.stop()
    if machine.drivers:
        machine.drivers.stop()
    machine.renewal.stop(machine.network)  # a lease that is given back must not be asked for again
    end(operation.verb, machine.say)


FUNCTIONS: dict[type[operations.Operation], Function] = {
    operations.Now: lambda *_: time.monotonic(),
    operations.Sleep: _alone(lambda operation: time.sleep(operation.seconds)),
    operations.Log: lambda machine, operation: machine.say(operation.level, operation.text),
    operations.Report: _report,
    operations.LoadDrivers: _load_drivers,
    operations.ConfigureNetwork: _configure_network,
    operations.MachineNames: _machine_names,
    operations.WriteIdentity: _alone(_write_identity),
    operations.TakeHostName: _alone(_take_host_name),
    operations.MountShare: _alone(smb.mount),
    operations.MountExport: _mount_export,
    operations.TryRoot: _alone(_try_root),
    operations.Unmount: _alone(lambda operation: syscalls.umount2(operation.target, syscalls.MNT_DETACH)),
    operations.TakeContainerLease: _take_container_lease,
    operations.GiveContainerLeaseBack: _give_container_lease_back,
    operations.FindContainer: _alone(loop_device.find),
    operations.MakeContainer: _alone(_make_container),
    operations.MakeFolders: _alone(_make_folders),
    operations.ReadAt: _alone(loop_device.read_at),
    operations.AttachLoop: _alone(loop_device.attach),
    operations.DetachLoop: _alone(loop_device.detach),
    operations.CheckFilesystem: lambda machine, operation: loop_device.check(operation, machine.say),
    operations.Mount: _alone(loop_device.mount),
    operations.Resolve: _alone(lambda operation: paths.resolve(operation.root, operation.path)),
    operations.StageRamdisk: lambda *_: ramdisk.stage(),
    operations.SwitchRoot: switch.switch_root,
    operations.Supervise: switch.supervise,
    operations.Shell: _shell,
    operations.End: _end,
}
# Calls of PID 1's own that wait for as long as the server is away.
_ASK_THE_SERVER = (
    operations.FindContainer, operations.ReadAt, operations.AttachLoop, operations.DetachLoop, operations.Mount,
    operations.Unmount, operations.TakeHostName, operations.WriteIdentity, operations.MakeContainer,
    operations.MakeFolders, operations.Resolve,
)  # fmt: skip
