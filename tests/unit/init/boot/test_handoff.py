"""Which way back for which init."""

import pytest

from init.boot.handoff import choose


@pytest.mark.parametrize(
    ("wanted", "real_init", "way"),
    [
        ("auto", "/usr/lib/systemd/systemd", "ramdisk"),
        ("auto", "/lib/systemd/systemd", "ramdisk"),
        ("auto", "/nix/store/abc-systemd-255/lib/systemd/systemd", "ramdisk"),
        ("auto", "/sbin/init", "supervise"),
        ("auto", "/bin/busybox", "supervise"),
        ("auto", "/bin/bash", "supervise"),
        ("auto", "/sbin/openrc-init", "supervise"),
        ("auto", "/usr/lib/systemd/systemd-shim", "supervise"),
        ("ramdisk", "/bin/busybox", "ramdisk"),
        ("supervise", "/usr/lib/systemd/systemd", "supervise"),
        ("none", "/usr/lib/systemd/systemd", "none"),
    ],
)
def test_choice(wanted: str, real_init: str, way: str) -> None:
    assert choose(wanted, real_init) == way
