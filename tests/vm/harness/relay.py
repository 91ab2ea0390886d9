"""Copy between the socket on standard input and a port of this machine: what QEMU's guestfwd starts for a connection.

A program: python relay.py PORT. The guest then reaches a private server at the port that a document names.
"""

import selectors
import socket
import sys


def main(port: int) -> None:
    """Copy both ways until either side has ended."""
    with socket.socket(fileno=0) as guest, socket.create_connection(("127.0.0.1", port)) as server:
        others = {guest: server, server: guest}
        with selectors.DefaultSelector() as ready:
            for one in others:
                ready.register(one, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    if not data:
                        return
                    others[key.fileobj].sendall(data)  # type: ignore[index]


if __name__ == "__main__":
    main(int(sys.argv[1]))
