"""The supervisor beside a real child in a PID namespace; it is itself PID 1, as it will be."""

import pytest

from tests import isolated

# argv: what the real init does. The supervisor's answer, what it logged, and what is left.
SUPERVISE = """
from init.system import console
from init.system import syscalls
from init.shutdown import reboot_watch
from init.shutdown import supervisor
from init.system.cmodules import socket
console.tell = lambda lines: None
ours, theirs = socket.socketpair()
own = os.open("/proc/self/ns/pid", os.O_RDONLY)
syscalls.unshare(syscalls.CLONE_NEWPID)
child = os.fork()
if child == 0:
    try:
        assert os.getpid() == 1
        reboot_watch.install_and_send(theirs)
        exec(sys.argv[4])
    finally:
        os._exit(42)
theirs.close()
syscalls.setns(own, syscalls.CLONE_NEWPID)
lines = []
listener = reboot_watch.receive(ours)
before = sys.argv[5] if len(sys.argv) > 5 else ""
exec(before)
started = time.monotonic()
verb = supervisor.supervise(child, listener, int(sys.argv[6]) if len(sys.argv) > 6 else 0, lambda l, t: lines.append(t))
try:
    os.waitpid(-1, os.WNOHANG)
    left = True
except ChildProcessError:
    left = False
answer([verb, lines, left])
"""


def supervised(does: str, before: str = "", panic: int = 0) -> list[object]:
    # reboot(CAD_OFF) is PID 1's in the machine's own namespace; here the kernel refuses it.
    program = SUPERVISE.replace("started =", "syscalls.ctrl_alt_del_to_init = lambda: None; started =")
    found = isolated.run(program, does, before, panic)
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("verb", ["poweroff", "halt", "reboot", "kexec"])
def test_each_verb(verb: str) -> None:
    assert supervised(f"syscalls.reboot({verb!r})") == [verb, [], False]


def test_called_by_another_process_after_a_while() -> None:
    does = "pid = os.fork() or (time.sleep(0.2), syscalls.reboot('halt')); time.sleep(60)"
    assert supervised(does) == ["halt", [], False]


def test_a_crash_halts_or_reboots_as_panic_says() -> None:
    assert supervised("os._exit(0)") == ["halt", [], False]
    assert supervised("os.abort()") == ["halt", [], False]
    assert supervised("os._exit(3)", panic=-1) == ["reboot", [], False]


def test_gone_before_anybody_waited() -> None:
    assert supervised("syscalls.reboot('reboot')", before="time.sleep(0.3)")[0] == "reboot"


def test_signals_of_the_kernel_are_handed_on() -> None:
    """Ctrl-Alt-Del reaches PID 1 as SIGINT; the real init is who knows what to do."""
    does = "signal.signal(signal.SIGINT, lambda *_: syscalls.reboot('reboot')); os.write(1, b''); signal.pause()"
    before = (
        "import select\n"
        "if os.fork() == 0:\n"
        "    while b'SigCgt' not in (text := open(f'/proc/{child}/status', 'rb').read()) or "
        "not int(text.split(b'SigCgt:')[1].split()[0], 16) & 2: time.sleep(0.01)\n"
        "    time.sleep(0.2)\n"
        "    os.kill(1, signal.SIGINT)\n"
        "    os._exit(0)\n"
    )
    assert supervised(does, before)[0] == "reboot"


def test_orphans_are_reaped() -> None:
    """What loses its parent out here becomes the supervisor's child."""
    before = (
        "for _ in range(5):\n    if os.fork() == 0:\n        if os.fork() == 0: time.sleep(0.1)\n        os._exit(0)\n"
    )
    assert supervised("time.sleep(0.6); syscalls.reboot('poweroff')", before) == ["poweroff", [], False]


@pytest.mark.parametrize("verb", ["poweroff", "halt", "reboot", "kexec"])
def test_what_fails_out_here_does_not_end_the_system_inside(verb: str) -> None:
    """Here CAD_OFF fails, which the kernel refuses in a namespace. The real init's call must return all the same."""
    found = isolated.run(SUPERVISE, f"time.sleep(0.1); syscalls.reboot({verb!r})", "", 0, seconds=20)
    trouble = "supervisor: OSError(22, 'Invalid argument'); waiting for the real init alone"
    assert found == [verb, [trouble], False]
