"""The filter that announces reboot(2), run by a small machine for classic BPF."""

import struct

import pytest

from init.shutdown.reboot_watch import RET_ALLOW, RET_USER_NOTIF, reboot_filter
from init.system.abi import known
from tests.unit.init.system.test_abi import ARCHITECTURES


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


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_reboot_alone_is_announced_by_whichever_abi(name: str) -> None:
    """A program of another ABI than the supervisor's has other numbers, and ends the real system all the same."""
    abis = known(ARCHITECTURES[name][0])
    program = reboot_filter(abis)
    announced = {(abi.audit, abi.reboot) for abi in abis}
    for abi in abis:
        for number in {
            0,
            abi.reboot - 1,
            abi.reboot,
            abi.reboot + 1,
            abi.seccomp,
            abi.audit,
            *(a.reboot for a in abis),
        }:
            expected = RET_USER_NOTIF if (abi.audit, number) in announced else RET_ALLOW
            assert result(program, abi.audit, number) == expected, (abi, number)
        assert result(program, abi.audit ^ 1, abi.reboot) == RET_ALLOW
