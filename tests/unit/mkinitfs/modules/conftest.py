"""A kernel that exists on paper: ten modules that need each other in every way."""

from pathlib import Path

import pytest

from mkinitfs.modules.depmod import Modules
from tests.kernels import fake_kernel

DEP = """\
kernel/fs/cifs.ko.xz: kernel/net/dns-resolver.ko.zst
kernel/net/dns-resolver.ko.zst:
kernel/crypto/gcm.ko:
kernel/crypto/ghash.ko.gz:
kernel/crypto/ctr.ko:
kernel/drivers/crypto/engine.ko:
kernel/arch/x86/ghash-fast.ko:
kernel/lib/weak.ko:
kernel/fs/late.ko: kernel/fs/cifs.ko.xz kernel/net/dns-resolver.ko.zst
kernel/drivers/net/nic.ko:
"""
ALIAS = """# comment
alias fs-cifs cifs
alias crypto-gcm gcm
alias crypto-ctr ctr
alias crypto-ghash ghash-fast
alias crypto-ghash ghash
alias crypto-ghash engine
alias pci:v00008086d0000100[EF]sv*sd*bc*sc*i* nic
"""


@pytest.fixture
def kernel(tmp_path: Path) -> Modules:
    folder = fake_kernel(
        tmp_path / "lib/modules/6.6.6",
        {line.partition(":")[0]: b"" for line in DEP.splitlines()},
        dep=DEP,
        alias=ALIAS,
        softdep="softdep cifs pre: crypto-gcm\nsoftdep cifs gone post: late\n",
        weakdep="weakdep cifs weak also_gone\n",
        builtin="kernel/crypto/md5.ko\nkernel/crypto/aes_generic.ko\n",
        builtin_modinfo="md5.alias=crypto-md5\0aes_generic.alias=crypto-aes\0md5.license=GPL\0",
    )
    return Modules(folder)
