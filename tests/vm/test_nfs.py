"""Roots on an NFS export, plain and as a container: a real kernel, a real server, its port mapper beside it."""

import errno
import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from init.container_lease.lock import OFFSET
from tests.command import run
from tests.debs import deb
from tests.kernels import kernel
from tests.roots import PROMPT, ROOTS, UP

from .conftest import Build
from .harness import Machine, check, make_container, read_file
from .harness.ganesha import Ganesha
from .site import BOOT, SHELL, SMALL

pytestmark = [pytest.mark.vm, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces and file handles are root's")]

OURS = "10.0.2.15"  # what QEMU's DHCP server gives, as 10.0.2.2 is the server
CLIENT = "525400123456/10.0.2.15"  # the card's address and the host name, which is the address where nobody gives one
OTHER = "virtio-net-pci,mac=52:54:00:00:00:02"
SLOW = 5 * BOOT  # a Debian whose every file comes over the wire, on a loaded machine


def tree(root: str, target: Path) -> Path:
    """A copy of a root file system, to be written to."""
    return shutil.copytree(ROOTS[root]().tree, target, symlinks=True, dirs_exist_ok=True)


@contextmanager
def boot(
    server: Ganesha,
    image: Path,
    words: str,
    *,
    series: str = "6.1",
    up: str = PROMPT,
    timeout: float = BOOT,
    **machine: object,
) -> Iterator[Machine]:
    """A machine in the server's network, as far as the pattern `up`."""
    vm = Machine(kernel(series).vmlinuz, image, server.folder, append=words, **machine)  # type: ignore[arg-type]
    vm.argv[:0] = server.network
    with vm:
        came = vm.wait_for(rf"(?P<up>{up})|{SHELL}|Kernel panic.*|reboot: .*", timeout)
        assert came["up"], f"{came[0]!r} came instead of {up!r}\n{vm.console.text[-3000:]}"
        yield vm


def mounted(vm: Machine, source: str) -> set[str]:
    """The options of the mount of `source`."""
    found = re.search(rf"^{re.escape(source)} \S+ nfs4? (\S+)", vm.run("cat /proc/mounts"), re.MULTILINE)
    assert found, source
    return set(found[1].split(","))


def assert_released(server: Ganesha) -> None:
    """The server, asked while QEMU is still there, holds nothing for anyone."""
    assert server.clients() == []
    assert server.connections() == []


@pytest.fixture
def small(image: Build) -> Build:
    """Builds an image with little hardware: small("6.1", "nfs") -> its path."""

    def build(series: str, profile: str = "nfs", *flags: str | Path) -> Path:
        return image(kernel(series), profile, *SMALL, *flags)

    return build


def test_the_documents_defaults(tmp_path: Path, small: Build) -> None:
    """Nothing but root=/dev/nfs: server from DHCP, default folder, %s, NFS 3 by way of the port mapper."""
    root = tree("busybox", tmp_path / "tftpboot" / OURS)
    with (
        Ganesha(tmp_path / "server", {"/tftpboot": tmp_path / "tftpboot"}) as server,
        boot(server, small("6.1"), "root=/dev/nfs ro nfsrootdebug") as vm,
    ):
        documented = {"rsize=4096", "wsize=4096", "timeo=7", "retrans=3", "hard", "nolock"}  # and what is not shown
        assert documented | {"vers=3", "proto=tcp", "rw"} <= mounted(vm, f"10.0.2.2:/tftpboot/{OURS}")
        log = vm.run("dmesg")
        assert re.search(r"share: trying 10\.0\.2\.2:/tftpboot/10\.0\.2\.15 with rsize=4096,.*acdirmin=30,", log)
        assert "NFS: sending MNT request for 10.0.2.2:/tftpboot/10.0.2.15" in log  # of the kernel's own
        vm.run("cd /root; mknod null c 1 3; mkfifo pipe; ln -s pipe link; echo x >file; ln file hard; chown 7:8 hard")
        assert vm.run("echo lost >null; stat -c '%F %h %u %g' null file; cd").splitlines() == [
            "character special file 1 0 0",
            "regular file 2 7 8",
        ]
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        assert_released(server)
    assert (root / "root/hard").read_text() == "x\n"


def test_a_debian_installs_a_package_reboots_and_still_has_it(tmp_path: Path, small: Build) -> None:
    """systemd on NFS 4.2; a package's own program runs after the reboot, dpkg finds nothing changed."""
    package = deb("hello")
    root = tree("systemd", tmp_path / "srv/debian")
    shutil.copy2(package, root / "root/hello.deb")
    words = "nfsroot=10.0.2.2:/srv/debian,vers=4.2,rsize=1048576,wsize=1048576 rw ip=dhcp"
    with (
        Ganesha(tmp_path / "server", {"/srv": tmp_path / "srv"}) as server,
        boot(server, small("6.1"), words, timeout=SLOW, reboot=True) as vm,
    ):
        assert "vers=4.2" in mounted(vm, "10.0.2.2:/srv/debian")
        assert server.clients() == [f"Linux NFSv4.2 {CLIENT}"]
        vm.run("! command -v hello; dpkg --install /root/hello.deb", SLOW)
        assert "Hello, world!" in vm.run("hello")
        vm.type("systemctl reboot")
        vm.wait_rebooted(SLOW)
        vm.wait_for(f"(?s){UP}.*{PROMPT}", SLOW)
        assert "Hello, world!" in vm.run("hello")
        assert vm.run("dpkg-query --show --showformat '${Status}' hello") == "install ok installed"
        assert server.clients() == [f"Linux NFSv4.2 {CLIENT}"]
        vm.type("systemctl poweroff")
        vm.wait_powered_off(SLOW)
        assert_released(server)
    assert "install ok installed" in (root / "var/lib/dpkg/status").read_text().partition("Package: hello\n")[2]


def leased(disk: Path) -> bool:
    """Whether anybody holds the lease on a container, asked where it lies."""
    with disk.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, OFFSET)
        except OSError as error:
            assert error.errno in (errno.EACCES, errno.EAGAIN)
            return True
    return False


def test_a_container_on_an_export_is_one_machine_s_at_a_time(tmp_path: Path, small: Build) -> None:
    (tmp_path / "srv/boxes").mkdir(parents=True)
    disk = make_container(tmp_path / "srv/boxes/disk.img", ROOTS["busybox"]().tree, "ext4")
    image = small("6.1", "nfs-loop")
    words = "root=/dev/nfs nfsroot=/srv loop=boxes/disk.img rw ip=::::{}::dhcp panic=0"
    with (
        Ganesha(tmp_path / "server", {"/srv": tmp_path / "srv"}) as server,
        boot(server, image, words.format("anna")) as vm,
    ):
        assert {"vers=4.2", "hard", "rw"} <= mounted(vm, "10.0.2.2:/srv")
        assert re.search(r"^/dev/loop0 / ext4 rw,", vm.run("cat /proc/mounts"), re.MULTILINE)
        with boot(server, image, words.format("otto"), up=SHELL, nic=OTHER) as second:
            assert second.seen(r"what failed: boxes/disk\.img is held by anna \(10\.0\.2\.15, 52:54:00:12:34:56\)")
            done = second.run("cat /proc/self/mountstats")
            assert re.search(r"\sOPEN: [1-9]", done)
            assert set(re.findall(r"\s(?:WRITE|SETATTR|REMOVE|RENAME): (\d+) ", done)) == {"0"}
        assert leased(disk)
        assert "Linux NFSv4.2 525400123456/anna" in server.clients()
        vm.type("echo late >/root/late; poweroff")
        vm.wait_powered_off(BOOT)
        # The second machine was switched off without a word: what it was is the server's to forget.
        assert "Linux NFSv4.2 525400123456/anna" not in server.clients()
        assert server.connections() == []
        assert not leased(disk)
    assert [path.name for path in disk.parent.iterdir()] == [disk.name]
    verdict = check(disk)
    assert verdict.clean, verdict.report
    assert read_file(disk, "/root/late") == b"late\n"


def listing(root: Path) -> dict[Path, tuple[int, ...]]:
    """What a write would change, for each file."""
    return {path: (each.st_ino, each.st_size, each.st_mtime_ns) for path in root.rglob("*") for each in [path.lstat()]}


# A wire of our own, for a DHCP server that can name a root: a server by name, and a folder that only the host name
# finds (the document puts the address there, nfsroot.c the name).
WIRE = """
ip tuntap add wire mode tap && ip address add 10.7.0.1/24 dev wire && ip link set wire up || exit 1
dnsmasq --keep-in-foreground --conf-file=/dev/null --pid-file= --no-resolv --no-hosts --interface=wire \
    --bind-interfaces --no-ping --dhcp-range=10.7.0.50,10.7.0.59,1h --dhcp-leasefile=/run/leases \
    --host-record=nas.lab.example,10.7.0.1 --dhcp-host=52:54:00:00:00:07,10.7.0.57,box \
    --dhcp-option-force=option:root-path,nas.lab.example:/roots/%s,noatime &
"""
CARD = (
    *("-netdev", "tap,id=wire,ifname=wire,script=no,downscript=no"),
    *("-device", "virtio-net-pci,netdev=wire,mac=52:54:00:00:00:07,romfile="),
)


def test_dhcp_names_server_folder_and_host(tmp_path: Path, small: Build) -> None:
    """With a layer in memory, so that nobody writes what is there."""
    root = tree("busybox", tmp_path / "roots/box")
    before = listing(root)
    with (
        Ganesha(tmp_path / "server", {"/roots": tmp_path / "roots"}, setup=WIRE) as server,
        boot(
            server, small("6.12"), "root=/dev/nfs nfsroot=auto rw overlay=tmpfs", series="6.12", nic=None, options=CARD
        ) as vm,
    ):
        assert {"vers=3", "noatime", "addr=10.7.0.1", "rsize=4096"} <= mounted(vm, "nas.lab.example:/roots/box")
        vm.run("echo mine >>/etc/inittab; echo mine >/root/note; rm /etc/passwd; sync")
        assert vm.run("tail -n 1 /etc/inittab; cat /root/note; ls /etc/passwd", status=None).startswith("mine\nmine\n")
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        assert_released(server)
    assert listing(root) == before


# In the port mapper's place a socket whose queue is full: no SYN is answered any more, as behind a firewall.
SILENT = """
kill $!; wait $!
python3 -c '
import signal, socket
server = socket.create_server(("", 111), backlog=0)
held = [socket.socket() for _ in range(2)]
for one in held:
    one.setblocking(False)
    one.connect_ex(("127.0.0.1", 111))
signal.pause()
' &
until ss -Htln | grep -q :111; do sleep 0.05; done
"""


def test_version_4_alone_behind_a_firewall(tmp_path: Path, small: Build) -> None:
    """No version is given, so 3 is the first: its port mapper says nothing, and the boot does not wait for that."""
    tree("busybox", tmp_path / "srv")
    with (
        Ganesha(tmp_path / "server", {"/srv": tmp_path / "srv"}, versions="4", setup=SILENT) as server,
        boot(server, small("6.1"), "root=nfs:10.0.2.2:/srv:noatime ip=dhcp") as vm,
    ):
        assert {"vers=4.2", "noatime"} <= mounted(vm, "10.0.2.2:/srv")
        log = vm.run("cat /run/initramfs/timeline")
        assert "share: 10.0.2.2:/srv (vers=3): port mapper (port 111): no answer" in log
        asked = re.search(r"([0-9.]+) share: trying 10\.0\.2\.2:/srv .*,vers=3,", log)
        silent = re.search(r"([0-9.]+) share: 10\.0\.2\.2:/srv \(vers=3\): port mapper", log)
        assert asked and silent and 4 < float(silent[1]) - float(asked[1]) < 10  # more than with a port mapper
        took = re.search(r"share: 10\.0\.2\.2:/srv mounted on /sysroot \[([0-9.]+) s\]", log)
        assert took and 4 < float(took[1]) < 40, took  # the kernel alone takes 94 s, on an idle machine


# Keeps a file open with content that is not written back yet, and ends the machine when a line is typed. All that is
# needed for that is in memory; of a shell and its programs one would never know.
END = """
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <unistd.h>
int main(void) {
    static char block[1 << 20];
    int file = open("/root/held", O_RDWR | O_CREAT, 0600);
    mlockall(MCL_CURRENT);
    memset(block, 1, sizeof block);
    if (write(file, block, sizeof block) < 0) return 1;
    if (write(1, "holding\\n", 8) < 0 || read(0, block, 1) < 0) return 1;
    return reboot(RB_POWER_OFF);
}
"""


def test_a_server_that_is_gone_at_the_end(tmp_path: Path, small: Build) -> None:
    """On 4.1, since this server's READ_PLUS (4.2) is broken and kernel 6.12 uses it."""
    root = tree("busybox", tmp_path / "srv")
    (tmp_path / "end.c").write_text(END)
    run(["gcc", "-static", "-o", root / "sbin/end", tmp_path / "end.c"])
    words = "nfsroot=/srv,v4.1 rw ip=dhcp nfs.nfs4_unique_id=mine"
    with (
        Ganesha(tmp_path / "server", {"/srv": tmp_path / "srv"}) as server,
        boot(server, small("6.12"), words, series="6.12") as vm,
    ):
        assert "vers=4.1" in mounted(vm, "10.0.2.2:/srv")
        assert server.clients() == [f"Linux NFSv4.1 mine/{OURS}"]
        vm.type("/sbin/end")
        vm.wait_for("^holding", BOOT)
        server.pause()
        vm.type("")
        vm.wait_for("what was not written back is lost", 600)
        vm.wait_powered_off(BOOT)


# Tries in the emergency shell what a boot would, one value after another.
TRY = """
import sys
sys.path.insert(0, "/usr/lib/mkinitfs")
from init.perform import nfs
from init.cmdline import nfsroot
from init import operations
from init.network.state import Network
for value in sys.argv[1:]:
    try:
        export = nfsroot.parse(value, "", False, False, [])
        nfs.mount(operations.MountExport(export, "/mnt", "ro", False, 30.0), Network(()), print)
    except operations.StepError as error:
        print("FAILED", value, "|", error.reason, *error.said, "|", error.retry, "|", error.hint)
    else:
        print("MOUNTED", value)
"""
# nfsroot=, what failed, whether it is worth another try, and a word of the hint.
FAILURES = (
    ("10.0.2.2:/nowhere,v3", "No such file or directory|Permission denied", False, "export"),
    ("10.0.2.2:/secret,v3", "Permission denied|No such file or directory", False, "export"),
    ("10.0.2.2:/srv,v4.2", "Protocol not supported", False, "nfsvers=3"),
    ("10.0.2.2:/srv,v3,udp", "Invalid argument|Protocol not supported", None, "UDP|nfsvers"),
    ("10.0.2.2:/srv,v3,flavour=sweet", "Invalid argument.*flavour", False, "option"),
    ("10.0.2.2:/srv,v3,port=9,mountport=9", "Connection refused", True, "is NFS running"),
    ("10.0.2.99:/srv,v3", "No route to host|no answer|Connection timed out", True, "reachable|no way"),
    ("no..name:/srv,v3", "no..name", True, "an address needs n|dns0 in ip="),
)


def test_what_cannot_be_mounted_says_why(tmp_path: Path, small: Build) -> None:
    (tmp_path / "try.py").write_text(TRY)
    refused = {"/secret": tmp_path / "secret"}
    image = small("6.1", "nfs", "--add", f"{tmp_path}/try.py:/usr/lib/mkinitfs/try.py")
    with (
        Ganesha(tmp_path / "server", {"/srv": tmp_path / "srv"}, versions="3", refused=refused) as server,
        boot(server, image, "root=/dev/nfs ip=dhcp panic=0", up=SHELL) as vm,
    ):
        assert vm.seen("the step 'share' failed after")
        assert vm.seen(r"what failed: 10\.0\.2\.2:/tftpboot/10\.0\.2\.15 \(vers=3\): ")
        assert vm.seen("to try: .*exported")
        values = " ".join(f"'{value}'" for value, *_ in FAILURES)
        said = vm.run(f"/usr/bin/python3.* -ISB /usr/lib/mkinitfs/try.py {values} '10.0.2.2:/srv,v3'", SLOW)
        for value, reason, retry, hint in FAILURES:
            again = ".*" if retry is None else retry
            pattern = rf"FAILED {re.escape(value)} \| .*({reason}).* \| {again} \| .*({hint})"
            assert re.search(pattern, said), f"{value}\n{said}"
        assert "MOUNTED 10.0.2.2:/srv,v3" in said  # so that the failures are not the server's
