"""A boot as a program without effects: operations out, results in.

`boot()` is a generator. It yields one operation at a time (operations.py), is sent that operation's result, or has
StepError thrown into it. At the other end stands the performer on the real machine, a list of answers in a unit test.
Time, too, is an operation's answer, so every time-out and every retry is tested without waiting.

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
from init.boot import container, failure, handoff
from init.cmdline.cifsroot import Share, reaching_the_server, with_user
from init.cmdline.settings import Settings
from init.network.state import Missing, Network
from init.operations import StepError, Steps
from init.system.log import ERROR, INFO, NOTICE
from init.system.places import SHARE_POINT, SYSROOT
from init.system.stdlib import Callable

INIT_CANDIDATES = ("/sbin/init", "/etc/init", "/bin/init", "/bin/sh")  # the kernel's, init/main.c

LOOK_AGAIN = 8.0  # seconds for what is missing, between two attempts to reach the server


class _MountedByHand(Exception):  # noqa: N818  (not an error: the administrator did it)
    """When the shell was left there was a root with an init on /sysroot: go on from there."""


def boot(settings: Settings) -> Steps:
    """The whole boot; it ends by becoming the real init, and otherwise by operations.End."""
    for note in settings.notes:
        yield operations.Log(NOTICE, f"cmdline: {note}")
    try:
        yield from _find_root(settings)
    except _MountedByHand:
        yield operations.Log(NOTICE, f"root: {SYSROOT} was mounted by hand")
    yield from _step("switch", settings, lambda: _switch(settings))


def _find_root(settings: Settings) -> Steps:
    """Everything up to a mounted root."""
    yield from _step("drivers", settings, lambda: _drivers(settings))
    missing: list[Missing] = []
    yield from _step("network", settings, lambda: _network(settings, missing))
    if settings.rootdelay > 0:
        yield operations.Log(INFO, f"rootdelay: waiting {settings.rootdelay:g} s")
        yield operations.Sleep(settings.rootdelay)
    yield from _step("share", settings, lambda: _reaching(settings, _share(settings), missing))
    loop = settings.loop
    if loop is not None:
        yield from _step("container", settings, lambda: container.mount(settings, loop))
    layer = settings.overlay
    if layer is not None:
        from init.boot import overlay  # late: few boots need it

        yield from _step("overlay", settings, lambda: overlay.mount(settings, layer))
    yield from _step("root", settings, lambda: _real_init(settings))


def _step(name: str, settings: Settings, attempt: Callable[[], Steps]) -> Steps:
    """Run one step until it succeeds; its breakpoint first, its failures handled."""
    if name in settings.breaks:
        yield from failure.shell(f"rd.break={name}: stopped before the step '{name}'; leave the shell to go on")
    started = yield operations.Now()
    delay, reason = 0.5, ""
    while True:
        try:
            done = yield from attempt()
        except StepError as error:
            now = yield operations.Now()
            if error.retry and (settings.rootwait or now - started + delay <= settings.retry):
                if error.reason != reason:
                    # ERROR, so that it is seen on a console that `quiet` keeps silent
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
    """Tell, and end as panic= says; else a shell, and then another try, or the root that was mounted in the shell."""
    yield operations.Log(ERROR, f"{name}: {error.reason}")
    yield from failure.give_up(name, error, seconds, settings.ending)
    yield from failure.shell(f"emergency shell: leave it to try '{name}' again, or mount a root on {SYSROOT} first")
    if name != "switch" and (yield from _look_for_init(settings))[1]:
        raise _MountedByHand


def _drivers(settings: Settings) -> Steps:
    count = yield operations.LoadDrivers(settings.module_words)
    return f"{count} modules loaded"


def _network(settings: Settings, missing: list[Missing]) -> Steps:
    network: Network = yield operations.ConfigureNetwork(
        settings.network, settings.timeout or settings.retry, settings.devices
    )
    missing[:] = network.missing
    return f"{len(network.interfaces)} configured" + (f", {len(missing)} missing" if missing else "")


def _reaching(settings: Settings, attempt: Steps, missing: list[Missing]) -> Steps:
    """An attempt to reach the server; where it fails, what is missing of the network is looked for again, and named."""
    try:
        return (yield from attempt)
    except StepError as error:
        if missing and error.retry:
            yield from _look_again(settings, missing)
        if missing:
            question = f"is the server behind what is missing? {', '.join(one.reason for one in missing)}"
            error.hint = f"{question}; {error.hint}" if error.hint else question
        raise


def _look_again(settings: Settings, missing: list[Missing]) -> Steps:
    """See whether a cable was plugged in, or a switch's port has opened by now: the server may be behind it."""
    requests = tuple(one.request for one in missing)
    try:
        network: Network = yield operations.ConfigureNetwork(requests, LOOK_AGAIN, settings.devices, besides=True)
        missing[:] = network.missing
    except StepError:
        pass


def _share(settings: Settings) -> Steps:
    share = settings.source
    target = SHARE_POINT if settings.loop else settings.root_point
    if not isinstance(share, Share):
        mode = "ro" if settings.source_read_only else "rw"
        containers = settings.holds_containers
        name = yield operations.MountExport(share, target, mode, containers, settings.longest_mount)
        return f"{name} mounted on {target}"
    if "%" in share.unc:
        from init.boot import identity  # late: few boots need it

        share = yield from identity.named(share)
    if not settings.loop:
        from init.boot import share_root  # late: few boots need it

        return (yield from share_root.mount(settings, share))
    options = with_user(share, reaching_the_server(share.options, settings.container_lease.mode))
    yield operations.MountShare(share.unc, target, options, share.password, settings.longest_mount)
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
