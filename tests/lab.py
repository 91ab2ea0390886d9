"""A network laboratory: namespaces, wires and real servers, all gone when the test ends.

Everything hangs on one holder process, PID 1 of a PID namespace: when it ends (its standard input
closes, also when the test run is killed) every server in it is killed and every network namespace
goes. Names are private to each laboratory, so several may run at once. Without root a user namespace
gives the rights.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}

# Configures as /init does and prints each log line as it comes, then the state or the error.
CONFIGURE = """
import sys; sys.path.insert(0, sys.argv[1])
import time
from init.cmdline import ip
from init.network.configure import configure
from init.network.record import encode
from init.network.state import NetworkError
def say(level, line): print("log", line.removeprefix("network: "), flush=True)
bootif = sys.argv[3] or None
try:
    network = configure(ip.parse(sys.argv[4:], bootif), deadline=time.monotonic() + float(sys.argv[2]), say=say)
except NetworkError as error:
    print("error", error.message, "|", error.hint)
else:
    print("state"); print(encode(network), end="")
"""
RESTORE = """
import sys; sys.path.insert(0, sys.argv[1])
import time
from init.network.record import decode
from init.network.restore import restore
for _ in range(2):
    restore(decode(sys.argv[2]), deadline=time.monotonic() + 20, say=print)
"""


def eventually(condition: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
    """Wait until `condition` gives something true, and return that."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.02)
    return found


class Lab:
    """Network namespaces `server` and `client`, and what runs in them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        setup = (
            "mount -t tmpfs tmpfs /run && ip netns add server && ip netns add client && "
            "for name in server client; do ip -n $name link set lo up; done; "
            "ip -n client link set lo down; echo ready; exec cat"
        )
        words = ["unshare", *user, "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", setup]
        self._holder = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENV)
        line = self._holder.stdout.readline() if self._holder.stdout else ""
        if line != "ready\n":
            raise RuntimeError("no network namespaces here")
        parent = self._holder.pid
        child = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()[0]
        user = [] if os.geteuid() == 0 else ["-U", "--preserve-credentials"]
        self._root = f"/proc/{child}/root"
        self._enter = ["nsenter", "-t", child, *user, "-m", "-n", "-p"]
        self._started: list[subprocess.Popen[str]] = []

    def close(self) -> None:
        """End the holder, and with it everything else."""
        self._holder.send_signal(signal.SIGKILL)
        self._holder.communicate()
        for process in self._started:
            process.send_signal(signal.SIGCONT)  # nsenter stops itself where what it runs was stopped
            process.wait()
            if process.stdout:
                process.stdout.close()

    def words(self, space: str, *words: str) -> list[str]:
        """The command line that runs `words` in a namespace."""
        return [*self._enter, "nsenter", f"--net=/run/netns/{space}", *words]

    def network(self, space: str) -> list[str]:
        """What a program is started through (as root) that shares a namespace's network alone; it ends by itself."""
        return ["nsenter", f"--net={self._root}/run/netns/{space}"]

    def run(self, space: str, *words: str) -> str:
        """Run to the end and return the output; failure raises with what it said."""
        done = subprocess.run(self.words(space, *words), text=True, capture_output=True, env=ENV, check=False)
        if done.returncode:
            raise AssertionError(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def start(self, space: str, *words: str) -> subprocess.Popen[str]:
        """Start something that goes on; its output is a pipe."""
        process = subprocess.Popen(
            self.words(space, *words), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=ENV
        )
        self._started.append(process)
        return process

    def wire(self, name: str, *, up: bool = True, mac: str = "") -> None:
        """Lay a cable from the server's `name` to the client's `name`; the server's end up where asked."""
        address = ["address", mac] if mac else []
        peer = ("type", "veth", "peer", "name", name, "netns", "server")
        self.run("client", "ip", "link", "add", name, *address, *peer)
        if up:
            self.run("server", "ip", "link", "set", name, "up")

    def serve(self, name: str, address: str) -> None:
        """Give the server's end an address."""
        self.run("server", "ip", "address", "add", address, "dev", name)

    def dnsmasq(self, name: str, low: str, high: str, *options: str) -> Callable[[], str]:
        """Start dnsmasq on one wire and wait until it is ready; return what reads its log."""
        log = self.folder / f"dnsmasq-{len(self._started)}.log"
        # --no-daemon also leaves out the change of group, which a user namespace does not allow.
        server = self.start(
            "server",
            *("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--pid-file="),
            *(() if any(option.startswith("--port=") for option in options) else ("--port=0",)),  # no name server
            *(f"--interface={name}", "--bind-interfaces", "--no-ping", "--log-dhcp"),
            *(f"--dhcp-range={low},{high},1h", f"--dhcp-leasefile={log}.leases"),
            *(f"--log-facility={log}", *options),
        )
        self._ready(server, lambda: log.exists() and "sockets bound" in log.read_text())
        return log.read_text

    def udhcpd(self, name: str, text: str) -> None:
        """Start busybox udhcpd on one wire; ready when it returns."""
        config = self.folder / "udhcpd.conf"
        leases = self.folder / "udhcpd.leases"
        leases.touch()
        config.write_text(f"interface {name}\nlease_file {leases}\npidfile {self.folder}/udhcpd.pid\n{text}\n")
        server = self.start("server", "busybox", "udhcpd", "-f", "-S", str(config))
        self._ready(server, lambda: ":67 " in self.run("server", "busybox", "netstat", "-uln"))

    @staticmethod
    def _ready(server: subprocess.Popen[str], condition: Callable[[], Any]) -> None:
        """Wait until a server serves; one that ends instead is a failure that shows what it said."""

        def served() -> Any:
            if server.poll() is not None:
                raise AssertionError(server.stdout.read() if server.stdout else "it ended")
            return condition()

        eventually(served, "the server's start")

    def configuring(self, *values: str, seconds: float = 30.0, bootif: str = "", first: str = "") -> Configuring:
        """Start to configure the client as `ip=` in `values` says; `first` is Python that is run before."""
        words = (
            sys.executable,
            "-ISBc",
            CONFIGURE.replace("def say", f"{first}\ndef say"),
            str(ROOT),
            str(seconds),
            bootif,
            *values,
        )
        return Configuring(self.start("client", *words))

    def restore(self, state: str) -> None:
        """Bring the client's network back, twice."""
        self.run("client", sys.executable, "-ISBc", RESTORE, str(ROOT), state)

    def json(self, space: str, *words: str) -> Any:
        """What `ip -j` answers."""
        return json.loads(self.run(space, "ip", "-j", *words) or "[]")

    def addresses(self, name: str) -> list[str]:
        """The client's IPv4 addresses on one device."""
        (link,) = self.json("client", "-4", "address", "show", "dev", name) or [{"addr_info": []}]
        return [f"{info['local']}/{info['prefixlen']}" for info in link.get("addr_info", [])]

    def routes(self) -> dict[str, tuple[str, str]]:
        """The client's routes but those that come with an address: destination to (gateway, device)."""
        found = self.json("client", "-4", "route")
        return {
            route["dst"]: (route.get("gateway", ""), route["dev"])
            for route in found
            if route.get("protocol") != "kernel"
        }

    def flags(self, name: str) -> list[str]:
        """The flags of a device of the client."""
        (link,) = self.json("client", "link", "show", "dev", name)
        return list(link["flags"])


class Configuring:
    """A configuration under way."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.log: list[str] = []

    def until(self, part: str) -> None:
        """Read on until a log line holds `part`."""
        for line in self._process.stdout or ():
            self.log.append(line.rstrip("\n"))
            if part in line:
                return
        raise AssertionError(f"{part!r} was never said: {self.log}")

    def result(self, seconds: float = 60.0) -> dict[str, str]:
        """Wait for the end, so long; the last device's state and, as "text", the whole of it, or {"error": …}."""
        rest, _ = self._process.communicate(timeout=seconds)
        self.log += rest.splitlines()
        errors = [line.removeprefix("error ") for line in self.log if line.startswith("error ")]
        if errors:
            return {"error": errors[0]}
        if "state" not in self.log:
            raise AssertionError("\n".join(self.log))
        lines = self.log[self.log.index("state") + 1 :]
        return {**dict(line.split("=", 1) for line in lines if line), "text": "\n".join(lines) + "\n"}


@contextmanager
def laboratory(folder: Path) -> Iterator[Lab]:
    """A laboratory with its files in `folder`."""
    lab = Lab(folder)
    try:
        yield lab
    finally:
        lab.close()
