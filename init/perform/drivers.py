"""Drivers for the hardware that is there: coldplug until nothing new comes, then uevents.

One pass is not enough: loading virtio_pci makes the virtio bus appear, whose devices have modaliases of
their own. A child process loads drivers for devices that turn up later (USB, slow links).
"""

from __future__ import annotations

import errno
import os

from init.cmdline.modules import ModuleWords
from init.perform.modprobe_conf import ModprobeConf, from_words
from init.perform.modules import ModuleIndex, normal
from init.system import syscalls
from init.system.cmodules import signal, socket
from init.system.files import read_text, write_text
from init.system.log import INFO, WARNING, Say
from init.system.places import MODPROBE_CONF, MODULES
from init.system.stdlib import Iterable, Iterator

NETLINK_KOBJECT_UEVENT = 15  # linux/netlink.h
_NOTHING = ModuleWords()


def modaliases(sys_bus: str = "/sys/bus") -> Iterator[str]:
    """The modalias of every device on every bus."""
    for bus in sorted(os.listdir(sys_bus)):
        folder = f"{sys_bus}/{bus}/devices"
        for device in os.listdir(folder) if os.path.isdir(folder) else ():
            if text := read_text(f"{folder}/{device}/modalias").strip():
                yield text


class Drivers:
    """The modules of this image and what has been loaded of them."""

    def __init__(self, say: Say, words: ModuleWords = _NOTHING, folder: str = "", conf: str = MODPROBE_CONF) -> None:
        """`words` are the command line's; `folder` holds the modules, `conf` the files of modprobe.d."""
        self.listener = 0  # the PID of the child that listens, 0 for none
        self._say = say
        self._folder = folder or f"/lib/modules/{os.uname().release}"
        self._index = ModuleIndex(read_text(f"{self._folder}/modules.dep"), read_text(f"{self._folder}/modules.alias"))
        self._refused, self._first = words.refused, words.first
        self._conf = ModprobeConf()
        for name in sorted(os.listdir(conf)) if os.path.isdir(conf) else ():
            if name.endswith(".conf"):
                self._conf.read(read_text(f"{conf}/{name}"))
        if text := from_words(words, self._index):
            self._conf.read(text)
            os.makedirs(conf, exist_ok=True)
            # Of one parameter the last setting counts, and busybox reads the files in no order: into the builder's own.
            write_text(f"{conf}/mkinitfs.conf", read_text(f"{conf}/mkinitfs.conf") + text)
        self._done: set[str] = set()
        self._seen: set[str] = set()
        self._kept_out: set[str] = set()

    def mismatch(self) -> str:
        """Why no module of this image can be loaded, "" where it is made for the running kernel."""
        if os.path.exists(f"{self._folder}/modules.dep"):
            return ""
        there = sorted(os.listdir("/lib/modules")) if os.path.isdir("/lib/modules") else []
        return f"no modules for the running kernel {os.uname().release}; this image has {', '.join(there) or 'none'}"

    def load(self, name: str) -> int:
        """Load a module and what it needs; answers how many files went in. A failure is only logged."""
        loaded = 0
        for path in self._index.load_order(name):
            if path in self._done:
                continue
            self._done.add(path)
            module = normal(path)
            if module in self._refused or module in self._conf.switched_off:
                self._keep_out(module, "module_blacklist=" if module in self._refused else "install, modprobe.d")
                continue
            try:
                syscalls.finit_module(f"{self._folder}/{path}", self._conf.parameters(module))
                loaded += 1
            except FileExistsError:
                pass
            except OSError as error:
                given = self._conf.parameters(module) if error.errno == errno.EINVAL else ""
                why = f", given {given}: are these its parameters' values?" if given else ""
                self._say(WARNING, f"drivers: {path}: {error.strerror}{why}")
        return loaded

    def coldplug(self) -> int:
        """Load what command line and image name, then what the devices ask for, until no new device turns up."""
        first, self._first = self._first, ()
        for name in first:
            if name not in self._index and f"/{name}.ko" not in self._builtin():
                self._say(WARNING, f"drivers: {name}: not in this image (mkinitfs build --module {name})")
        loaded = sum(self.load(name) for name in (*first, *read_text(MODULES).split()))
        while fresh := set(modaliases()) - self._seen:
            self._seen |= fresh
            loaded += sum(self.load(name) for name in self._wanted(fresh))
        return loaded

    def _builtin(self) -> str:
        return read_text(f"{self._folder}/modules.builtin").replace("-", "_")

    def _wanted(self, modaliases: Iterable[str]) -> list[str]:
        """The modules for these modaliases as modprobe(8) and udev find them, without the blacklisted ones."""
        names: set[str] = set()
        for modalias in modaliases:
            own = self._conf.aliased(modalias)
            names.update(self._index.wanted([modalias]) if own is None else own)
        for name in sorted(names & self._conf.blacklist):
            self._keep_out(name, "blacklisted")
        return sorted(names - self._conf.blacklist)

    def _keep_out(self, name: str, why: str) -> None:
        """Tell once that a module is not loaded because somebody wants it so."""
        if name in self._index and name not in self._kept_out:
            self._kept_out.add(name)
            self._say(INFO, f"drivers: {name} is not loaded ({why})")

    def listen(self) -> None:
        """From now on a child process loads what new devices ask for.

        The socket is bound before the last coldplug pass, so no device falls between the two.
        """
        if self.listener:
            return
        events = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT)
        events.bind((0, 1))  # group 1 has the kernel's own events, 2 what udev makes of them
        self.coldplug()
        self.listener = os.fork()
        if self.listener == 0:
            try:
                self._serve(events)
            finally:
                os._exit(1)
        events.close()

    def _serve(self, events: socket.socket) -> None:
        while True:
            try:
                fields = events.recv(65536).split(b"\0")
            except OSError:
                continue  # ENOBUFS: events were lost
            for field in fields:
                if field.startswith(b"MODALIAS="):
                    for name in self._wanted([os.fsdecode(field[9:])]):
                        self.load(name)

    def stop(self) -> None:
        if self.listener:
            os.kill(self.listener, signal.SIGKILL)
            os.waitpid(self.listener, 0)
            self.listener = 0
