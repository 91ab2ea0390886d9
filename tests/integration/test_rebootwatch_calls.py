"""reboot(2) as a real system calls it, in a PID namespace within a user namespace: no call here reaches this machine.

The kernel's side is pid_namespaces(7): SIGHUP for a restart, SIGINT for halt and power off, EINVAL for the rest.
"""

import errno
import os
import signal

import pytest

from tests import isolated

# argv: the reboot commands in order, and who calls. Answers what was announced and how PID 1 of it all ended.
CALLS = """
import ctypes, select
from init.system import syscalls
from init.shutdown import reboot_watch
from init.shutdown import supervisor
from init.system.cmodules import socket
commands, caller = json.loads(sys.argv[4]), sys.argv[5]
libc = ctypes.CDLL(None, use_errno=True)

def call():
    errors = []
    if caller == "i386":
        call_i386()
    for command in commands:
        if libc.reboot(ctypes.c_int(command - (command >> 31 << 32))):
            errors.append(ctypes.get_errno())
    os.write(told, json.dumps(errors).encode())
    os._exit(7)

def call_i386():
    # int 0x80 is i386's way into the kernel, from a 64-bit program, too: number and seccomp_data.arch are i386's.
    import mmap
    words = (0xB8, 88), (0xBB, 0xFEE1DEAD), (0xB9, 672274793), (0xBA, commands[0])  # mov eax, ebx, ecx, edx
    code = b"\\x53" + b"".join(byte.to_bytes(1, "little") + word.to_bytes(4, "little") for byte, word in words)
    memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(code + b"\\xcd\\x80\\x5b\\xc3")
    ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))()

def drop_capabilities():
    header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capset(header, data) == 0

def begin():
    assert os.getpid() == 1
    reboot_watch.install_and_send(theirs)
    theirs.close()
    if caller == "init":
        call()
    if caller == "container":
        syscalls.unshare(syscalls.CLONE_NEWPID)
    other = os.fork()
    if other == 0:
        if caller == "user":
            drop_capabilities()
        if caller == "user namespace":
            drop_capabilities()
            syscalls.unshare(0x10000000)
        call()
    os.waitpid(other, 0)
    os._exit(7)

ours, theirs = socket.socketpair()
heard, told = os.pipe()
own = os.open("/proc/self/ns/pid", os.O_RDONLY)
syscalls.unshare(syscalls.CLONE_NEWPID)
child = os.fork()
if child == 0:
    try:
        begin()
    finally:
        os._exit(99)
os.close(told)
theirs.close()
syscalls.setns(own, syscalls.CLONE_NEWPID)
listener = reboot_watch.receive(ours)
verbs = []
poll = select.poll()
poll.register(listener, select.POLLIN)
while poll.poll(10000)[0][1] & select.POLLIN:
    verbs.append(reboot_watch.answer(listener))
    if verbs[-1] == "kexec":
        os.kill(child, signal.SIGKILL)
        break
status = os.waitpid(child, 0)[1]
announced = ([""] + [verb for verb in verbs if verb])[-1]
errors = os.read(heard, 4096)
answer({
    "verbs": verbs,
    "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
    "verb": supervisor.verb_of(status, announced),
    "errors": json.loads(errors or b"null"),
})
"""
RESTART, HALT, POWER_OFF, RESTART2 = 0x01234567, 0xCDEF0123, 0x4321FEDC, 0xA1B2C3D4
KEXEC, CAD_ON, CAD_OFF, SUSPEND = 0x45584543, 0x89ABCDEF, 0, 0xD000FCE2


def calls(*commands: int, caller: str = "init") -> tuple[list[str], int, str]:
    found = isolated.run(CALLS, list(commands), caller)
    return found["verbs"], found["signal"], found["verb"]


@pytest.mark.parametrize("caller", ["init", "another process"])
@pytest.mark.parametrize(
    ("command", "verb", "number"),
    [
        (POWER_OFF, "poweroff", signal.SIGINT),
        (HALT, "halt", signal.SIGINT),
        (RESTART, "reboot", signal.SIGHUP),
        (RESTART2, "reboot", signal.SIGHUP),
        (KEXEC, "kexec", signal.SIGKILL),
    ],
)
def test_each_verb_is_announced(command: int, verb: str, number: int, caller: str) -> None:
    assert calls(command, caller=caller) == ([verb], number, verb)


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="i386 is x86-64's other ABI")
@pytest.mark.parametrize(("command", "verb", "number"), [(HALT, "halt", 2), (KEXEC, "kexec", 9)])
def test_a_program_of_another_abi_is_announced_too(command: int, verb: str, number: int) -> None:
    assert calls(command, caller="i386") == ([verb], number, verb)


def test_what_ends_nothing_goes_on() -> None:
    """Every init sets Ctrl-Alt-Del first (CAD_OFF), which the kernel refuses inside a namespace."""
    assert calls(CAD_OFF, CAD_ON, SUSPEND, HALT) == (["", "", "", "halt"], signal.SIGINT, "halt")
    found = isolated.run(CALLS, [CAD_OFF, CAD_ON], "init")
    assert found == {"verbs": ["", ""], "signal": 0, "verb": "", "errors": [errno.EINVAL] * 2}


@pytest.mark.parametrize("caller", ["user", "user namespace"])
def test_who_may_not_end_the_machine_announces_nothing(caller: str) -> None:
    """The kernel refuses these calls; were a kexec taken at its word, any user could end the real system."""
    found = isolated.run(CALLS, [KEXEC, HALT, POWER_OFF, RESTART], caller)
    assert found == {"verbs": [""] * 4, "signal": 0, "verb": "", "errors": [errno.EPERM] * 4}


def test_a_container_inside_ends_itself_only() -> None:
    for command in (HALT, RESTART):
        found = isolated.run(CALLS, [command], "container")
        assert found == {"verbs": [""], "signal": 0, "verb": "", "errors": None}
    found = isolated.run(CALLS, [KEXEC], "container")
    assert found == {"verbs": [""], "signal": 0, "verb": "", "errors": [errno.EINVAL]}


NO_LISTENER = """
from init.system import syscalls
from init.shutdown import reboot_watch
from init.system.cmodules import socket
ours, theirs = socket.socketpair()
if os.fork() == 0:
    kernel_has = reboot_watch.install()  # a process tree has one listener only
    reboot_watch.install_and_send(theirs)
    os._exit(0)
answer(reboot_watch.receive(ours))
"""


def test_without_a_listener_the_signal_alone_decides() -> None:
    assert isolated.run(NO_LISTENER) == -1
