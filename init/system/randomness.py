"""Random bytes for names and transactions, without waiting for them."""

from __future__ import annotations

import os


def draw(count: int) -> bytes:
    """Return `count` random bytes at once: os.urandom() waits until the kernel's generator is seeded (random(4)).

    No secret is made of them. A processor without RDRAND seeds it seconds after the start, some boards minutes.
    """
    try:
        return os.getrandom(count, os.GRND_NONBLOCK)
    except BlockingIOError:
        with open("/dev/urandom", "rb", buffering=0) as device:
            return device.read(count)
