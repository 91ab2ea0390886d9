"""One place with a server, a container on it and machines that boot from it: what most VM tests begin with."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from tests.kernels import kernel
from tests.roots import PROMPT, ROOTS

from .harness import Machine, Samba, check, copy_container, make_container, read_file
from .harness.containers import Kind, Verdict
from .harness.process import locked

SHELL = r"\(initramfs\) $"  # the emergency shell's prompt
# Two network drivers instead of all: a third of the image, so that the kernel unpacks it sooner.
SMALL = ("--hardware", "virtio_net,e1000")
BOOT = 400.0  # seconds; a systemd root takes 20 on a machine of its own


class Site:
    """`folder` is the test's, `shared` the whole run's; `build` makes images (conftest.image)."""

    def __init__(self, folder: Path, shared: Path, build: Callable[..., Path]) -> None:
        self.folder, self._shared, self._build = folder, shared, build
        self._server: Samba | None = None
        self.disk = folder / "share/disk.img"
        self.image = Path()  # what the last machine booted from

    def serve(self, kind: type[Samba] = Samba, **options: object) -> Samba:
        """Have a server with Samba's `options`; it starts with the machine."""
        assert self._server is None, "the site has its server already"
        self._server = kind(self.folder, **options)  # type: ignore[arg-type]
        return self._server

    @property
    def server(self) -> Samba:
        """The server, a plain one where serve() has made no other."""
        return self._server or self.serve()

    def put(
        self,
        root: str = "busybox",
        kind: Kind = "ext4",
        path: Path | None = None,
        files: Mapping[str, str | bytes] | None = None,
    ) -> Path:
        """Lay a container with the system `root` on the share, `files` (executable) added to it."""
        self.disk = path or self.disk
        self.disk.parent.mkdir(parents=True, exist_ok=True)
        if files:
            tree = shutil.copytree(ROOTS[root]().tree, self.folder / "tree", symlinks=True)
            for name, content in files.items():
                (tree / name).unlink(missing_ok=True)
                (tree / name).write_bytes(content.encode() if isinstance(content, str) else content)
                (tree / name).chmod(0o755)
            return make_container(self.disk, tree, kind)
        made = self._shared / f"{root}.{kind}"
        with locked(made.with_suffix(".lock")):
            if not made.exists():
                make_container(made.with_suffix(".new"), ROOTS[root]().tree, kind).rename(made)
        return copy_container(made, self.disk)

    @contextmanager
    def boot(
        self,
        words: str = "rw ip=dhcp",
        *,
        series: str = "6.1",
        profile: str | Path = "cifs-loop",
        flags: Sequence[str | Path] = SMALL,
        share: str | None = None,
        loop: str = "disk.img",
        up: str = "",
        load: Callable[[Path, Path, str], object] | None = None,
        **machine: object,
    ) -> Iterator[Machine]:
        """Boot a machine from the share, server included; wait for the pattern `up`.

        `share` is the value of cifsroot= (default: the server's own, password included). `load` is told kernel, image
        and command line, for a boot loader in the machine to find them; otherwise QEMU loads them itself.
        """
        found = kernel(series)
        container = f'"loop={loop}" ' if loop else ""
        append = f'root=/dev/cifs "cifsroot={share or self.server.cifsroot()}" {container}{words}'
        self.image = self._build(found, profile, *flags)
        options = {"samba": self.server, "append": append, **machine}
        files = (None, None) if load else (found.vmlinuz, self.image)
        vm = Machine(*files, self.folder, **options)  # type: ignore[arg-type]
        if load:
            load(found.vmlinuz, self.image, vm.command_line)
        with nullcontext() if self.server.running else self.server, vm:
            if up:
                self.wait_up(vm, up)
            yield vm

    @staticmethod
    def wait_up(vm: Machine, up: str = PROMPT) -> None:
        """Wait for the pattern `up`; whatever else a boot ends in is an answer, too, not worth minutes of waiting."""
        came = vm.wait_for(rf"(?P<up>{up})|{SHELL}|Kernel panic.*|reboot: .*", BOOT)
        assert came["up"], f"{came[0]!r} came instead of {up!r}\n{vm.console.text[-3000:]}"

    @contextmanager
    def system(self, words: str = "rw ip=dhcp", **options: object) -> Iterator[Machine]:
        """boot(), as far as the real system's shell; the server has the container open then."""
        with self.boot(words, up=PROMPT, **options) as vm:  # type: ignore[arg-type]
            # by the loop device and whoever holds the lease on it, which not every server tells apart
            assert {file.path for file in self.server.open_files()} == {str(self.disk)}
            assert self.server.connections() == [next(iter(self.server.shares))]
            yield vm

    def assert_released(self) -> None:
        """The server, asked while QEMU and its connections are still there, holds nothing for anyone."""
        assert self.server.open_files() == []
        assert self.server.locks() == []
        assert self.server.connections() == []
        assert not self.disk.with_name(f"{self.disk.name}.lease").exists()

    def assert_clean(self) -> Verdict:
        """The file system in the container was unmounted properly and is whole."""
        verdict = check(self.disk)
        assert verdict.clean, verdict.report
        return verdict

    def read(self, path: str) -> bytes:
        """The content of a file in the container."""
        return read_file(self.disk, path)
