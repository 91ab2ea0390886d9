"""The filter that announces reboot(2), run by a small machine for classic BPF."""

import struct

import pytest

from init.shutdown.reboot_watch import ARCHES, RET_ALLOW, RET_USER_NOTIF, reboot_filter


def result(program: bytes, arch: int, number: int) -> int:
    """What the program answers for a call; its data is struct seccomp_data (nr, arch, …)."""
    data = struct.pack("=II", number, arch)
    accumulator, at = 0, 0
    instructions = list(struct.iter_unpack("=HBBI", program))
    while True:
        code, jump_true, jump_false, value = instructions[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif code == 0x15:
            at += jump_true if accumulator == value else jump_false
        else:
            assert code == 0x06
            return int(value)


@pytest.mark.parametrize("machine", ARCHES)
def test_reboot_alone_is_announced(machine: str) -> None:
    arch, seccomp, reboot = ARCHES[machine]
    program = reboot_filter(arch, reboot)
    assert result(program, arch, reboot) == RET_USER_NOTIF
    for number in (0, reboot - 1, reboot + 1, seccomp, arch):
        assert result(program, arch, number) == RET_ALLOW
    assert result(program, arch ^ 1, reboot) == RET_ALLOW  # another ABI, where that number means another call
