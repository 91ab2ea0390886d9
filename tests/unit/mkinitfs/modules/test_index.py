from pathlib import Path

from mkinitfs.modules.closure import closure_of
from mkinitfs.modules.depmod import Modules
from mkinitfs.modules.index import index_files, load_order
from tests.kernels import fake_kernel


def test_image_indexes(kernel: Modules) -> None:
    closure = closure_of(kernel, [("cifs", "profile")])
    files = index_files(closure)
    assert list(files) == [f"modules.{name}" for name in ("dep", "alias", "softdep", "builtin", "order")]
    lines = files["modules.dep"].splitlines()
    # Pre-softdep gcm before cifs and its own needs before that; what may refuse to load (arch/) and what
    # needs cifs itself (late) are not folded in. busybox loads from the end.
    assert lines[0] == (
        "kernel/fs/cifs.ko: kernel/crypto/gcm.ko kernel/crypto/ghash.ko kernel/crypto/ctr.ko kernel/net/dns-resolver.ko"
    )
    assert "kernel/fs/late.ko:" in files["modules.dep"]
    assert "engine" not in files["modules.alias"]
    assert "alias crypto-ghash ghash_fast\n" in files["modules.alias"]
    assert files["modules.softdep"] == "softdep cifs gone pre: crypto-gcm post: late\n"
    assert files["modules.order"].splitlines() == [line.partition(":")[0] for line in lines]
    assert files["modules.builtin"].startswith("kernel/crypto/md5.ko\n")


def test_a_circle_of_softdeps_is_left_open(tmp_path: Path) -> None:
    dep = "kernel/a.ko:\nkernel/b.ko: kernel/a.ko\nkernel/c.ko:\n"
    files = {f"kernel/{name}.ko": b"" for name in "abc"}
    folder = fake_kernel(tmp_path / "6.6.6", files, dep=dep, softdep="softdep a pre: b c\nsoftdep c pre: a\n")
    closure = closure_of(Modules(folder), [("a", "test")])
    assert [load_order(closure, name) for name in "abc"] == [("c", "a"), ("c", "a", "b"), ("a", "c")]
