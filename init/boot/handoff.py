"""Which way control comes back to RAM when the real system ends.

    ramdisk     systemd executes /run/initramfs/shutdown by itself (INITRD_INTERFACE); an init that can be told
                to execute a program of its choice gets there by a script (mkinitfs(7))
    supervise   the real init is PID 1 of a namespace of its own; when the namespace ends, its parent tears down
    none        control does not come back, as in every other initramfs

systemd takes a PID namespace for a container and then behaves differently, so it gets the ramdisk.
"""

import os.path


def choose(word: str, real_init: str) -> str:
    """The way for `real_init`, the init's path with its links followed; `word` is rd.handoff='s."""
    if word != "auto":
        return word
    return "ramdisk" if os.path.basename(real_init) == "systemd" else "supervise"
