"""QEMU's control channel (docs/interop/qmp-spec): commands out, answers and events in, as lines of JSON."""

import json
import socket
import time
from typing import Any


class Qmp:
    """A client on a connected socket. Events are kept in the order in which they came."""

    def __init__(self, channel: socket.socket) -> None:
        """Take over `channel`; nothing is sent before connect()."""
        self.events: list[dict[str, Any]] = []
        self._channel = channel
        self._rest = b""

    def connect(self, timeout: float = 30) -> None:
        """Read the greeting and leave the negotiation mode."""
        assert self._receive(timeout), "QEMU does not greet"
        self.execute("qmp_capabilities")

    def execute(self, command: str, **arguments: object) -> Any:
        """Run `command` and return what it returned; AssertionError with QEMU's own words when it failed."""
        self._channel.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while message := self._receive(30):
            if "error" in message:
                raise AssertionError(f"qmp {command}: {message['error']['desc']}")
            if "return" in message:
                return message["return"]
        raise AssertionError(f"qmp {command}: no answer")

    def wait_event(self, name: str, timeout: float) -> dict[str, Any] | None:
        """The data of the first event `name`, which may lie in the past; None after `timeout` seconds."""
        end = time.monotonic() + timeout
        while True:
            for event in self.events:
                if event["event"] == name:
                    return event.get("data", {})
            left = end - time.monotonic()
            if left <= 0 or self._receive(left) is None:
                return None

    def _receive(self, timeout: float) -> dict[str, Any] | None:
        """The next message, None at the end of `timeout` or of the connection."""
        self._channel.settimeout(timeout)
        while b"\n" not in self._rest:
            try:
                data = self._channel.recv(65536)
            except (TimeoutError, ConnectionResetError):
                return None
            if not data:
                return None
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        if "event" in message:
            self.events.append(message)
        return message

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()
