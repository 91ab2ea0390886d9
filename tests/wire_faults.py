"""A relay between two devices that loses, doubles and delays frames to and from DHCP's ports, as it is told.

    python3 wire_faults.py CLIENT-SIDE SERVER-SIDE "drop ok twice 0.3" "ok"

One word a frame (the last for all that follow): "ok", "drop", "twice", or the seconds that it comes late. "5:drop" is
for the next frame of DHCP's type 5, and those before it pass: how often a question is repeated may differ from run to
run. A later frame overtakes one that is late. Frames pass with what the kernel knows of their checksums
(PACKET_VNET_HDR).
"""

import heapq
import select
import socket
import sys
import time

_SOL_PACKET, _PACKET_VNET_HDR, _VNET_HEADER = 263, 15, 10
_PACKET_IGNORE_OUTGOING = 23


def _open(name: str) -> socket.socket:
    """A socket for every frame that comes in by a device."""
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    opened.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
    opened.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    opened.bind((name, 3))  # ETH_P_ALL
    return opened


def _is_dhcp(frame: bytes) -> bool:
    """Whether it is UDP between ports 67 and 68."""
    return frame[12:14] == b"\x08\x00" and frame[23] == 17 and frame[34:38] in (b"\0\x44\0\x43", b"\0\x43\0\x44")


def _fate(frame: bytes, words: list[str]) -> str:
    """What is to become of a frame; `words` loses the one that was for it."""
    if not _is_dhcp(frame):
        return "ok"
    kind, colon, word = words[0].partition(":")
    if colon and frame[282:285] != bytes((53, 1, int(kind))):  # option 53 comes first in everything that is tested
        return "ok"
    if len(words) > 1:
        words.pop(0)
    return word if colon else kind


def main() -> None:
    """Relay until the laboratory is closed."""
    sides = [_open(name) for name in sys.argv[1:3]]
    fates = [words.split() for words in sys.argv[3:5]]
    waiting: list[tuple[float, int, int, bytes]] = []
    count = 0
    print("relaying", flush=True)
    while True:
        left = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        for readable in select.select(sides, [], [], left)[0]:
            side = sides.index(readable)
            data = readable.recv(65536)
            fate = _fate(data[_VNET_HEADER:], fates[side])
            late = float(fate) if fate[0].isdigit() else 0.0
            for _ in range({"drop": 0, "twice": 2}.get(fate, 1)):
                count += 1
                heapq.heappush(waiting, (time.monotonic() + late, count, 1 - side, data))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, side, data = heapq.heappop(waiting)
            sides[side].send(data)


if __name__ == "__main__":
    main()
