"""The teardown on real loop devices and file systems, in mount and PID namespaces of its own.

Before anything is released, the namespace's root is a tmpfs, the machine's own mounts are gone from it, and its
/sys/block holds the test's loop devices alone: nothing else can be found, so nothing else can be released.
"""

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import isolated

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="loop devices are root's")

PREPARE = """
import ctypes, subprocess
from init.system import console
from init.system import syscalls
from init.system import mount_table
from init.shutdown import teardown
root, share, images = sys.argv[4], sys.argv[5], json.loads(sys.argv[6])
teardown.END_USERS_AFTER, teardown.FORCE_AFTER, teardown.GIVE_UP_AFTER = 0.3, 0.8, 2.0
lines = []
say = lambda level, text: lines.append(text)

def attach(path, seen=True):
    device = subprocess.run(["losetup", "--find", "--show", path], check=True, capture_output=True, text=True)
    name = os.path.basename(device.stdout.strip())
    os.mknod(f"{root}/dev/{name}", 0o60600, os.stat(f"/dev/{name}").st_rdev)
    if seen:
        os.mkdir(f"{root}/sys/block/{name}")
        syscalls.mount(f"/sys/block/{name}", f"{root}/sys/block/{name}", "", syscalls.MS_BIND)
    return f"/dev/{name}"

def folder(path):
    os.makedirs(path, exist_ok=True)
    return path

def enter():
    assert ctypes.CDLL(None).pivot_root(root.encode(), folder(f"{root}/put_old").encode()) == 0
    os.chdir("/")
    syscalls.umount2("/put_old", syscalls.MNT_DETACH)
    left = {mount.point for mount in mount_table.read_mounts() if not mount.point.startswith("/oldroot")}
    assert all(point in ("/", "/proc", "/proc/swaps") or point.startswith("/sys/block/") for point in left), left

def releasing():
    left = teardown.release_all("/oldroot", say)
    return {
        "left": left, "lines": lines, "loops": mount_table.read_loops(mount_table.read_mounts()),
        "mounts": [m.point for m in mount_table.read_mounts() if m.point.startswith(("/oldroot", "/released"))],
    }

syscalls.mount("", "/", "", syscalls.MS_REC | syscalls.MS_PRIVATE)
syscalls.mount("ramdisk", folder(root), "tmpfs")
for name in ("dev", "sys/block", "oldroot", "proc", "share"):
    folder(f"{root}/{name}")
syscalls.mount("proc", f"{root}/proc", "proc")
open(f"{root}/no-swaps", "w").close()
syscalls.mount(f"{root}/no-swaps", f"{root}/proc/swaps", "", syscalls.MS_BIND)
old = f"{root}/oldroot"
"""

# As systemd leaves it: the root on the container, the share below that root.
SYSTEMD = (
    PREPARE
    + """
syscalls.mount(share, f"{root}/share", "", syscalls.MS_BIND)
device = attach(f"{root}/share/{images[0]}")
syscalls.mount(device, old, sys.argv[7])
syscalls.mount("run", folder(f"{old}/run"), "tmpfs")
syscalls.mount(f"{root}/share", folder(f"{old}/run/initramfs/share"), "", syscalls.MS_MOVE)
with open(f"{old}/written", "w") as file:
    file.write("the last words")
"""
)


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Path]:
    """A folder that stands for the share; loop devices with files of it or named after it are gone afterwards."""
    folder = tmp_path / f"mkinitfs-{uuid.uuid4().hex}"
    folder.mkdir()
    yield folder
    for device in sorted(Path("/sys/block").glob("loop*"), reverse=True):
        try:
            backing = (device / "loop/backing_file").read_text()
        except OSError:
            continue
        if folder.name in backing:
            subprocess.run(["losetup", "-d", f"/dev/{device.name}"], check=False)


def made(share: Path, fstype: str) -> str:
    """A container on the share; its name tells whose it is."""
    path = share / f"{share.name}.{fstype}"
    with path.open("wb") as file:
        file.truncate((300 if fstype == "xfs" else 16) << 20)
    tool = ["mkfs.xfs", "-q"] if fstype == "xfs" else ["mke2fs", "-q", "-t", fstype]
    subprocess.run([*tool, str(path)], check=True, capture_output=True)
    return path.name


def torn_down(program: str, tmp_path: Path, share: Path, *images: str) -> dict[str, Any]:
    import json

    fstype = images[0].rpartition(".")[2] if images else ""
    root = tmp_path / "root"
    root.mkdir()
    found = isolated.run(program, root, share, json.dumps(images), fstype, user=False)
    assert isinstance(found, dict)
    return found


@needs_root
@pytest.mark.parametrize("fstype", ["ext4", "xfs"])
def test_a_container_that_holds_its_own_share(tmp_path: Path, share: Path, fstype: str) -> None:
    name = made(share, fstype)
    found = torn_down(SYSTEMD + "enter()\nanswer(releasing())", tmp_path, share, name)
    assert (found["left"], found["loops"], found["mounts"]) == ([], [], [])
    steps = [line.split()[1] for line in found["lines"]]
    assert steps == ["move", "unmount", "unmount", "detach", "unmount"]
    image = share / name
    if fstype == "xfs":
        subprocess.run(["xfs_repair", "-n", image], check=True, capture_output=True)
    else:
        subprocess.run(["e2fsck", "-fn", image], check=True, capture_output=True)
        cat = ["debugfs", "-R", "cat /written", image]
        assert subprocess.run(cat, check=True, capture_output=True).stdout == b"the last words"
    assert not any(name in one.read_text() for one in Path("/sys/block").glob("loop*/loop/backing_file"))


@needs_root
def test_loop_table_and_mount_table_agree_with_the_kernel(tmp_path: Path, share: Path) -> None:
    look = "mounts = mount_table.read_mounts()"
    tables = f"enter()\n{look}\nanswer([mount_table.read_loops(mounts), mounts, device, os.stat('/oldroot').st_dev])"
    name = made(share, "ext4")
    program = f"{SYSTEMD}\n{tables.replace('answer(', 'tables = (')}\nreleasing()\nanswer({{'tables': tables}})"
    loops, mounts, device, number = torn_down(program, tmp_path, share, name)["tables"]
    ((path, own, backing_device, backing_file),) = loops
    assert path == device
    assert own == f"{os.major(number)}:{os.minor(number)}"
    assert backing_file.endswith(name)
    points = {mount[4]: mount[2] for mount in mounts}
    assert points["/oldroot"] == own
    assert points["/oldroot/run/initramfs/share"] == backing_device


@needs_root
def test_containers_in_containers_and_nested_mounts(tmp_path: Path, share: Path) -> None:
    inner = """
import shutil
subprocess.run(["truncate", "-s", "8M", f"{old}/" + images[0] + ".inner"], check=True)
subprocess.run(["mke2fs", "-q", "-t", "ext4", f"{old}/" + images[0] + ".inner"], check=True, capture_output=True)
inner = attach(f"{old}/" + images[0] + ".inner")
syscalls.mount(inner, folder(f"{old}/srv"), "ext4")
syscalls.mount("a", folder(f"{old}/srv/a"), "tmpfs")
syscalls.mount("b", folder(f"{old}/srv/a/b"), "tmpfs")
syscalls.mount("hides it", f"{old}/srv/a", "tmpfs")
syscalls.mount(f"{old}/srv", folder(f"{old}/copy"), "", syscalls.MS_BIND | syscalls.MS_REC)
enter()
answer(releasing())
"""
    found = torn_down(SYSTEMD + inner, tmp_path, share, made(share, "ext4"))
    assert (found["left"], found["loops"], found["mounts"]) == ([], [], [])


@needs_root
def test_a_user_is_named_and_ended(tmp_path: Path, share: Path) -> None:
    user = """
from init.shutdown import processes
ready, tell = os.pipe()
child = os.fork()
if child == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.chdir(old)
    open("/proc/self/comm", "w").write("stubborn")
    os.write(tell, b"+")
    while True:
        signal.pause()
os.read(ready, 1)
enter()
found = processes.users("/oldroot")
answer({**releasing(), "child": child, "users": found})
"""
    found = torn_down(SYSTEMD + user, tmp_path, share, made(share, "ext4"))
    assert found["users"] == [found["child"]]
    assert (found["left"], found["loops"], found["mounts"]) == ([], [], [])
    named = f"shutdown: /oldroot is held by process {found['child']} (stubborn), which is ended"
    assert named in found["lines"]


# What keeps it busy is a loop device that the teardown cannot see, as a server or a kernel thread might.
HELD = """
syscalls.mount("held", old, "tmpfs")
subprocess.run(["truncate", "-s", "1M", f"{old}/{os.path.basename(share)}"], check=True)
attach(f"{old}/{os.path.basename(share)}", seen=False)
enter()
answer(releasing())
"""


@needs_root
def test_what_is_only_out_of_sight_is_not_called_released(tmp_path: Path, share: Path) -> None:
    found = torn_down(PREPARE + HELD, tmp_path, share)
    assert found["mounts"] == []
    assert found["left"] == ["unmount /oldroot (held): Device or resource busy; forced"]


@needs_root
def test_a_container_that_stays_busy_is_told_with_its_loop_device(tmp_path: Path, share: Path) -> None:
    program = SYSTEMD + HELD.replace('syscalls.mount("held", old, "tmpfs")', "")
    found = torn_down(program, tmp_path, share, made(share, "ext4"))
    assert any("; forced" in line for line in found["left"])
    assert any(line.startswith("detach /dev/loop") for line in found["left"])


BOUNDED = """
from init.system import child
def fails(): raise OSError(16, "Device or resource busy")
def stumbles(): raise ValueError("x")
started = time.monotonic()
sys.stderr = open("/dev/null", "w")
answers = [
    child.bounded(lambda: None), child.bounded(fails), child.bounded(stumbles),
    child.bounded(lambda: os.kill(os.getpid(), signal.SIGKILL)), child.bounded(lambda: time.sleep(60), 0.3),
]
time.sleep(0.05)
answer([answers, time.monotonic() - started, len(os.listdir("/proc/self/fd"))])
"""


def test_no_call_waits_for_ever() -> None:
    answers, seconds, _ = isolated.run(BOUNDED)
    assert answers == [
        "",
        "Device or resource busy",
        "the call ended without an answer",
        "the call ended without an answer",
        "no answer within 0.3 s",
    ]
    assert seconds < 5


END_PROCESSES = """
from init.shutdown import processes
def child(name, action, argv0=None):
    ready, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            code = f"import os, signal; {action}; os.write({tell}, b'+'); signal.pause(); signal.pause()"
            os.set_inheritable(tell, True)
            os.execv(sys.executable, [argv0 or name, "-ISc", code])
        finally:
            os._exit(1)
    os.close(tell)
    assert os.read(ready, 1) == b"+"
    return pid
marker = sys.argv[4]
pids = [
    child("meek", "pass"),
    child("stubborn", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"),
    child("@root-daemon", f"signal.signal(signal.SIGTERM, lambda *_: open({marker!r}, 'w').close())"),
]
assert set(pids) <= set(processes.processes())
lines = []
started = time.monotonic()
processes.end_processes(lambda level, text: lines.append(text), settling=0.5)
answer([processes.processes(), lines, os.path.exists(marker), time.monotonic() - started])
"""


def test_processes_end_and_a_storage_daemon_is_spared_the_first_signal(tmp_path: Path) -> None:
    left, lines, told_to_end, seconds = isolated.run(END_PROCESSES, tmp_path / "terminated")
    assert (left, lines, told_to_end) == ([], [], False)
    assert seconds < 5


END = """
from init.system import console
from init.system import syscalls
from init.shutdown import teardown
verb = sys.argv[4]
syscalls.unshare(syscalls.CLONE_NEWPID)
child = os.fork()
if child == 0:
    assert os.getpid() == 1
    log = open(sys.argv[5], "w", buffering=1)
    teardown.end(verb, lambda level, text: print(text, file=log))
status = os.waitpid(child, 0)[1]
answer([os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, open(sys.argv[5]).read().splitlines()])
"""


@pytest.mark.parametrize(
    ("verb", "number", "lines"),
    [
        ("poweroff", 2, ["shutdown: poweroff"]),
        ("halt", 2, ["shutdown: halt"]),
        ("reboot", 1, ["shutdown: reboot"]),
        # in a namespace there is no kexec, as on a machine where no kernel was loaded: the nearest to it
        ("kexec", 1, ["shutdown: kexec", "shutdown: kexec: Invalid argument", "shutdown: reboot"]),
    ],
)
def test_the_end(tmp_path: Path, verb: str, number: int, lines: list[str]) -> None:
    assert isolated.run(END, verb, tmp_path / "log") == [number, lines]
