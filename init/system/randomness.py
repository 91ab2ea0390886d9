"""Random bytes for names and transactions, without waiting for them."""

from __future__ import annotations

import os

_GRND_INSECURE = 4  # linux/random.h: whatever there is


def draw(count: int) -> bytes:
    """Return `count` random bytes at once: os.urandom() waits until the kernel's generator is seeded (random(4)).

    No secret is made of them. A processor without RDRAND seeds it seconds after the start, some boards minutes.
    """
    for flag in (os.GRND_NONBLOCK, _GRND_INSECURE):
        try:
            return os.getrandom(count, flag)
        except OSError:
            pass  # EAGAIN: not seeded; EINVAL: a kernel before 5.6
    with open("/dev/urandom", "rb", buffering=0) as device:
        return device.read(count)
