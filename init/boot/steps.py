"""A boot as a program without effects: operations out, results in.

`boot()` is a generator. It yields one operation at a time (ops.py), is sent that operation's result, or has
StepError thrown into it; perform.py sits at the other end on the real machine, a list of answers does in a
unit test. Time, too, is an operation's answer, so every time-out and every retry is tested without waiting.

The steps, in order, each a place where `rd.break=` can stop:

    drivers     modules for the hardware found
    network     what ip= says
    share       the SMB share or NFS export
    container   the loop device, where loop= asks for one, and the file system in it
    overlay     a layer to write to, where overlay= asks for one
    root        the init in it
    switch      the shutdown ramdisk staged, the real init started

A step that fails is tried again while that can help and rd.retry= has not run out. After that comes the
report, and then the shell, or what panic= says.
"""

from __future__ import annotations

from init import operations
from init.boot import container, handoff
from init.boot.failure import end_unless_shell, report, shell
from init.cmdline import cifsroot
from init.cmdline.cifsroot import Share
from init.cmdline.settings import Settings
from init.network.configure import Network
from init.operations import StepError
from init.system.log import ERROR, INFO, NOTICE
from init.system.places import SHARE_POINT, SYSROOT
from init.system.stdlib import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from init.operations import Steps

INIT_CANDIDATES = ("/sbin/init", "/etc/init", "/bin/init", "/bin/sh")  # the kernel's, init/main.c


class _MountedByHand(Exception):  # noqa: N818  (not an error: the administrator did it)
    """Whoever used the shell has left a root with an init on /sysroot: go on from there."""


def boot(settings: Settings) -> Steps:
    """The whole boot; it ends by becoming the real init, and otherwise by `ops.End`."""
    try:
        yield from _find_root(settings)
    except _MountedByHand:
        yield operations.Log(NOTICE, f"root: {SYSROOT} was mounted by hand")
    yield from _step("switch", settings, lambda: _switch(settings))


def _find_root(settings: Settings) -> Steps:
    """Everything up to a mounted root."""
    yield from _step("drivers", settings, lambda: _drivers())
    yield from _step("network", settings, lambda: _network(settings))
    if settings.rootdelay > 0:
        yield operations.Log(INFO, f"rootdelay: waiting {settings.rootdelay:g} s")
        yield operations.Sleep(settings.rootdelay)
    yield from _step("share", settings, lambda: _share(settings))
    loop = settings.loop
    if loop is not None:
        yield from _step("container", settings, lambda: container.mount(settings, loop))
    layer = settings.overlay
    if layer is not None:
        from init.boot import overlay  # few machines need it

        yield from _step("overlay", settings, lambda: overlay.mount(settings, layer))
    yield from _step("root", settings, lambda: _real_init(settings))


def _step(name: str, settings: Settings, attempt: Callable[[], Steps]) -> Steps:
    """Run one step until it succeeds; its breakpoint first, its failures handled."""
    if name in settings.breaks:
        yield from shell(f"rd.break={name}: stopped before the step '{name}'; leave the shell to go on")
    started = yield operations.Now()
    delay, reason = 0.5, ""
    while True:
        try:
            done = yield from attempt()
        except StepError as error:
            now = yield operations.Now()
            if error.retry and (settings.rootwait or now - started + delay <= settings.retry):
                if error.reason != reason:
                    # an error's level: whoever waits in front of a quiet console is to know for what
                    limit = "for ever" if settings.rootwait else f"for {settings.retry:g} s at most"
                    yield operations.Log(ERROR, f"{name}: {error.reason}; trying again, {limit}")
                reason = error.reason
                yield operations.Sleep(delay)
                delay = min(delay * 1.5, 5.0)
                continue
            yield from _give_up(name, settings, error, now - started)
            started, delay, reason = (yield operations.Now()), 0.5, ""
        else:
            now = yield operations.Now()
            yield operations.Log(INFO, f"{name}: {done} [{now - started:.2f} s]")
            return


def _give_up(name: str, settings: Settings, error: StepError, seconds: float) -> Steps:
    """Report, then end in the shell, or in what panic= says (kernel-parameters.txt: 0 waits for ever)."""
    yield operations.Log(ERROR, f"{name}: {error.reason}")
    yield operations.Report(report(name, error, seconds))
    yield from end_unless_shell(settings.panic, settings.shell)
    yield from shell(f"emergency shell: leave it to try '{name}' again, or mount a root on {SYSROOT} first")
    if name != "switch" and (yield from _look_for_init(settings))[1]:
        raise _MountedByHand


def _drivers() -> Steps:
    count = yield operations.LoadDrivers()
    return f"{count} modules loaded"


def _network(settings: Settings) -> Steps:
    network: Network = yield operations.ConfigureNetwork(
        settings.network, settings.timeout or settings.retry, settings.devices
    )
    return f"{len(network.interfaces)} configured"


def _share(settings: Settings) -> Steps:
    share = settings.source
    target = SHARE_POINT if settings.loop else settings.root_point
    if not isinstance(share, Share):
        mode = "ro" if settings.source_read_only else "rw"
        patience = settings.timeout or max(30.0, settings.retry)
        name = yield operations.MountExport(share, target, mode, settings.holds_containers, patience)
        return f"{name} mounted on {target}"
    if not settings.loop:
        from init.boot import share_root  # a container is content with less

        return (yield from share_root.mount(settings, share))
    patience = settings.timeout or max(30.0, settings.retry)
    options = cifsroot.reaching_the_server(share.options, settings.lease.mode)
    yield operations.MountShare(share.unc, target, cifsroot.with_user(share, options), share.password, patience)
    return f"{share.unc} mounted on {target}"


def _look_for_init(settings: Settings) -> Steps:
    """The init of the root on /sysroot: its path and where it leads, both "" where there is none."""
    for path in (settings.init,) if settings.init else INIT_CANDIDATES:
        real = yield operations.Resolve(SYSROOT, path)
        if real:
            return path, real
    return "", ""


def _real_init(settings: Settings) -> Steps:
    path, real = yield from _look_for_init(settings)
    if not path:
        wanted = settings.init or ", ".join(INIT_CANDIDATES)
        raise StepError(f"no init in the root: {wanted} is no program there", hint="init=PATH names another")
    return f"init is {path}" + (f" ({real})" if real != path else "")


def _switch(settings: Settings) -> Steps:
    path, real = yield from _look_for_init(settings)
    if not path:
        raise StepError(f"no init on {SYSROOT}", hint="mount the root there and leave the shell")
    way = handoff.choose(settings.handoff, real)
    argv = (path, *settings.init_arguments)
    if way != "none":
        size = yield operations.StageRamdisk()
        yield operations.Log(INFO, f"switch: shutdown ramdisk staged, {size / 1e6:.1f} MB")
    yield operations.Log(NOTICE, f"switch: starting {path}, the way back is '{way}'")
    yield operations.Supervise(argv) if way == "supervise" else operations.SwitchRoot(argv)
    return "the real init has started"
