"""Building real images: identical bytes, permissions, interruption, the small summary.

Needs busybox, cifs-utils, util-linux, zstd, cpio and the Debian kernels of tests/kernels.py.
"""

import hashlib
import json
import os
import pty
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from init.perform.modules import ModuleIndex
from mkinitfs import profile as profiles
from mkinitfs.locations import profiles as profile_folder
from tests.command import command, environment, mkinitfs
from tests.kernels import fake_kernel, kernel

SMALL = 'programs = ["busybox"]\napplets = ["sh", "ls"]\ndirectories = ["/opt/x"]\n'


@pytest.fixture
def small(tmp_path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


def copy_sysroot(plan: dict, target: Path, backwards: bool) -> None:
    """The files that `plan` takes, below `target`, created in one order or the other, with other dates."""
    entries = plan["entries"][::-1] if backwards else plan["entries"]
    for entry in entries:
        path = target / entry["path"]
        if entry["type"] == "symlink" and entry["target"] != "busybox":
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() and not path.is_symlink():
                path.symlink_to(entry["target"])
    for entry in entries:
        if entry["type"] == "file" and entry["source"]:
            path = target / entry["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(entry["source"], path)
            path.chmod(int(entry["mode"], 8))
            os.utime(path, (backwards, backwards))


def test_the_same_bytes_whatever_the_surroundings(tmp_path):
    """Two users' worth of differences: umask, time zone, folder, home, hash seed, locale, cores."""
    found = kernel("6.1")
    extra = tmp_path / "extra"
    extra.mkdir()
    for name in ("b", "a", "c"):
        (extra / name).write_text(name)
    one, two = tmp_path / "one", tmp_path / "two" / "deeper"
    for folder in (one, two):
        folder.mkdir(parents=True)
    base = ["build", "--profile", "cifs-loop", "--kernel-dir", found.root, "--hardware", "virtio_net,e1000"]
    words = [*base, "--level", "3", "--add", f"{extra}:/opt/extra", "--output", "x.img"]
    for folder, umask, zone, threads, seed in ((one, "022", "UTC", "1", "0"), (two, "077", "Asia/Kathmandu", "2", "1")):
        script = f'umask {umask}; exec "$@"'
        changes = {
            "TZ": zone,
            "PYTHONHASHSEED": seed,
            "LC_ALL": "C" if umask == "022" else "C.UTF-8",
            "HOME": str(folder),
        }
        subprocess.run(
            ["sh", "-c", script, "sh", *command(*words, "--threads", threads)],
            cwd=folder, env=environment(**changes), check=True,
        )  # fmt: skip
    assert (one / "x.img").read_bytes() == (two / "x.img").read_bytes()
    # pytest's folders are their owner's alone, and so is what comes from them
    assert [(folder / "x.img").stat().st_mode & 0o777 for folder in (one, two)] == [0o600, 0o600]


def test_the_same_bytes_from_copies_of_a_sysroot(tmp_path, small):
    """The order in which files were made, their dates and the sysroot's own path do not matter."""
    plan = json.loads(mkinitfs("plan", "--profile", small, "--json").out)
    images = []
    for name, backwards in (("first", False), ("second/below", True)):
        root = tmp_path / name
        root.mkdir(parents=True)
        copy_sysroot(plan, root, backwards)
        image = tmp_path / f"{backwards}.img"
        done = mkinitfs("build", "--profile", small, "--sysroot", root, "--output", image, "--compression", "none")
        assert done.code == 0, done.err
        images.append(image.read_bytes())
    assert images[0] == images[1]


def test_a_library_that_only_the_cache_of_ld_so_knows(tmp_path, small):
    """It lies in a folder of ld.so.conf: image and staged ramdisk get an ld.so.cache, and only then."""
    root, image, tree = tmp_path / "root", tmp_path / "x.img", tmp_path / "tree"
    small.write_text(f'{SMALL}ramdisk = "{tmp_path}/staged.toml"\n')
    (tmp_path / "staged.toml").write_text(SMALL)
    copy_sysroot(json.loads(mkinitfs("plan", "--profile", small, "--json").out), root, False)
    request = ["--profile", small, "--sysroot", root]
    assert mkinitfs("why", "/etc/ld.so.cache", *request).code == 1
    (root / "opt/odd").mkdir(parents=True)
    (library,) = root.glob("usr/lib/*/libresolv.so.2")
    library.rename(root / "opt/odd/libresolv.so.2")
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/ld.so.conf").write_text("/opt/odd\n")
    done = mkinitfs("build", *request, "--output", image)
    assert done.code == 0, done.err
    assert "etc/ld.so.cache" in mkinitfs("cat", image, "/usr/lib/mkinitfs/ramdisk").out.split()
    parts = ["usr", "opt", "bin", "lib", "lib64", "etc"]
    assert mkinitfs("extract", image, *parts, "-C", tree).code == 0
    inside = ["unshare", "--user", "--map-root-user", "chroot", tree, "/bin/sh", "-c", "echo runs"]
    assert subprocess.run(inside, capture_output=True, text=True, check=True).stdout == "runs\n"
    (tree / "etc/ld.so.cache").unlink()
    assert subprocess.run(inside, capture_output=True).returncode == 127


def test_another_user_builds_the_same(tmp_path, small):
    """As root: built once more without any privilege. Otherwise this test is that build."""
    images = []
    for number, wrapper in enumerate(([], ["setpriv", "--bounding-set=-all", "--inh-caps=-all"])):
        image = tmp_path / f"{number}.img"
        subprocess.run(
            [*wrapper, *command("build", "--profile", small, "--output", image)], env=environment(), check=True
        )
        images.append(image.read_bytes())
    assert images[0] == images[1]


def test_the_date_of_every_member_is_the_one_given(tmp_path, small):
    image = tmp_path / "x.img"
    assert mkinitfs("build", "--profile", small, "--output", image, SOURCE_DATE_EPOCH="1700000000").code == 0
    assert {item["mtime"] for item in json.loads(mkinitfs("list", "--json", image).out)} == {1700000000}


def test_other_tools_read_the_image(tmp_path, small):
    image = tmp_path / "x.img"
    assert mkinitfs("build", "--profile", small, "--output", image).code == 0
    unpacked = subprocess.run(["zstd", "-dcq", image], capture_output=True, check=True).stdout
    listing = subprocess.run(["cpio", "-t", "--quiet"], input=unpacked, capture_output=True, check=True).stdout
    assert listing.decode().splitlines() == mkinitfs("list", image).out.splitlines()


@pytest.mark.parametrize("compression", ["zstd", "xz", "gzip", "lz4", "none"])
def test_every_compression_holds_the_same(tmp_path, small, compression):
    image = tmp_path / "x.img"
    done = mkinitfs("build", "--profile", small, "--output", image, "--compression", compression, "--json")
    values = json.loads(done.out)
    assert (values["size"], values["sha256"]) == (image.stat().st_size, hashlib.sha256(image.read_bytes()).hexdigest())
    members = json.loads(mkinitfs("list", "--json", image).out)
    assert {item["compression"] for item in members} == {compression}
    assert len(members) == values["entries"]


def test_the_summary_is_one_line_and_the_default_name_tells_the_kernel(tmp_path):
    found = kernel("6.1")
    text = 'modules = ["loop"]\nhardware = []'
    (tmp_path / "p.toml").write_text(text)
    done = mkinitfs("build", "--profile", "./p.toml", "--kernel-dir", found.root, cwd=tmp_path)
    (line,) = done.out.splitlines()
    assert line.startswith(f"initramfs-{found.version}.img: ") and f", profile p, kernel {found.version}, " in line
    assert done.err == ""
    assert (tmp_path / f"initramfs-{found.version}.img").is_file()


def test_dry_run_writes_nothing(tmp_path, small):
    done = mkinitfs("build", "--profile", small, "--dry-run", cwd=tmp_path)
    assert done.out.startswith("initramfs-small.img: not written (dry run): profile small, ")
    assert [path.name for path in tmp_path.iterdir()] == ["small.toml"]


def test_credentials_make_the_image_private(tmp_path, small):
    secret, image = tmp_path / "secret", tmp_path / "x.img"
    secret.write_text("pass=hunter2\nuser=u\n")
    secret.chmod(0o640)
    done = mkinitfs("build", "--profile", small, "--output", image, "--credentials", secret)
    assert done.err == f"warning: credentials {secret}: others can read the file, chmod 600 would keep it private\n"
    assert image.stat().st_mode & 0o777 == 0o600
    assert mkinitfs("cat", image, "/etc/mkinitfs/credentials").out == "username=u\npassword=hunter2\n"
    listing = {item["path"]: item["mode"] for item in json.loads(mkinitfs("list", "--json", image).out)}
    assert (listing["etc/mkinitfs"], listing["etc/mkinitfs/credentials"]) == ("0700", "0600")


def test_a_private_file_that_is_added_makes_it_private_too(tmp_path, small):
    key, image = tmp_path / "key", tmp_path / "x.img"
    key.write_text("k")
    base = ["build", "--profile", small, "--output", image, "--verbose"]
    assert "for its owner alone" not in mkinitfs(*base).err
    assert image.stat().st_mode & 0o777 == 0o644
    for mode in (0o600, 0o640, 0o644):  # the last in a folder that only its owner may enter
        key.chmod(mode)
        done = mkinitfs(*base, "--add", f"{key}:/etc/")
        assert (done.code, done.err) == (0, "note: for its owner alone: not everybody may read /etc/key\n")
        assert image.stat().st_mode & 0o777 == 0o600


def test_a_private_module_or_firmware_makes_it_private_too(tmp_path):
    """Whatever their modes in the image are."""
    root, image = tmp_path / "k", tmp_path / "x.img"
    debian = kernel("6.1")
    name = "kernel/drivers/net/ethernet/realtek/r8169.ko"
    module = fake_kernel(root / f"lib/modules/{debian.version}", {name: (debian.modules / name).read_bytes()}) / name
    firmware = root / "lib/firmware/rtl_nic"
    firmware.mkdir(parents=True)
    (firmware / "rtl8168g-2.fw").write_bytes(b"f")
    (tmp_path / "p.toml").write_text("")
    build = ["build", "--kernel-dir", root, "--profile", tmp_path / "p.toml", "--hardware", "r8169", "--output", image]
    for path in (module, firmware / "rtl8168g-2.fw"):
        assert mkinitfs(*build).code == 0
        assert image.stat().st_mode & 0o777 == 0o644
        path.chmod(0o600)
        assert mkinitfs(*build).code == 0
        assert image.stat().st_mode & 0o777 == 0o600
        path.chmod(0o644)


def test_links_that_lead_out_of_a_folder_lead_somewhere(tmp_path):
    """As /etc/ssl/certs has them."""
    root, image = tmp_path / "root", tmp_path / "x.img"
    for path, text in {"etc/certs/own.pem": "own", "usr/share/ca/a.crt": "a", "usr/share/ca/b.crt": "b"}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    links = {
        "a.pem": "/usr/share/ca/a.crt", "0a": "a.pem", "b.pem": "../../usr/share/../share/ca/b.crt",
        "run": "/run/later", "lost": "/nowhere", "0own": "own.pem",
    }  # fmt: skip
    for name, target in links.items():
        (root / "etc/certs" / name).symlink_to(target)
    profile = tmp_path / "certs.toml"
    profile.write_text('description = "x"\nfiles = ["/etc/certs"]\n')
    done = mkinitfs("build", "--profile", profile, "--sysroot", root, "--output", image)
    assert (done.code, done.err) == (0, "")
    for name, text in {"a.pem": "a", "0a": "a", "b.pem": "b", "0own": "own"}.items():
        assert mkinitfs("cat", image, f"/etc/certs/{name}").out == text
    profile.write_text('description = "x"\ndirectories = ["/x"]\n')
    empty = tmp_path / "empty"
    empty.mkdir()
    added = ["--sysroot", empty, "--add", f"{root}/etc/certs:/etc/certs"]
    done = mkinitfs("build", "--profile", profile, "--output", image, *added)
    assert (done.code, done.err) == (
        0,
        "warning: 4 links lead nowhere in the image, as /etc/certs/0a -> a.pem: "
        "add what is meant with --add or a profile's `files`\n",
    )


def slow_build(tmp_path: Path) -> tuple[Path, list[str]]:
    """A folder with an image in it, and the command that would take a minute to replace that."""
    (tmp_path / "big").write_bytes(os.urandom(1 << 20) * 64)
    (tmp_path / "p.toml").write_text("")
    out = tmp_path / "out"
    out.mkdir()
    (out / "x.img").write_text("old")
    add = f"{tmp_path / 'big'}:/big"
    packing = ["--compression", "xz", "--level", "9"]
    build = command("build", "--profile", tmp_path / "p.toml", "--add", add, *packing, "--output", out / "x.img")
    # The tests themselves may run below nohup or in a shell's background, whose ignored signals are inherited.
    return out, ["env", "--default-signal=HUP,INT,TERM", *build]


def wait_at_work(child: subprocess.Popen, out: Path, files: int = 2) -> None:
    """Until the temporary file is there."""
    limit = time.monotonic() + 30
    while len(list(out.iterdir())) < files:
        assert child.poll() is None and time.monotonic() < limit
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_half_way_leaves_the_old_image_only(tmp_path, number):
    out, argv = slow_build(tmp_path)
    child = subprocess.Popen(argv, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_at_work(child, out)
    time.sleep(0.3)
    child.send_signal(number)
    sent = time.monotonic()
    printed, complaint = child.communicate(timeout=30)
    assert time.monotonic() - sent < 20  # not at the end of the block that is being compressed
    assert (child.returncode, printed) == (128 + number, "")
    assert complaint.strip() == ("interrupted" if number == signal.SIGINT else "")
    assert [path.name for path in out.iterdir()] == ["x.img"]
    assert (out / "x.img").read_text() == "old"


def test_the_end_of_the_terminal_is_the_end_of_a_build(tmp_path):
    """SIGHUP as the kernel sends it, with a progress bar that can be written nowhere any more."""
    out, argv = slow_build(tmp_path)
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *argv],
        env=environment(TERM="xterm"), stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    wait_at_work(child, out)
    os.read(ours, 1)  # the bar is there
    os.close(ours)
    assert child.wait(timeout=30) == 128 + signal.SIGHUP
    assert [path.name for path in out.iterdir()] == ["x.img"]


def test_nohup(tmp_path, small):
    out, argv = slow_build(tmp_path)
    argv[2:2] = ["nohup"]
    child = subprocess.Popen(argv, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_at_work(child, out)
    child.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(timeout=0.5)
    child.terminate()
    child.communicate(timeout=30)
    assert child.returncode == 128 + signal.SIGTERM


def test_what_a_killed_build_left_does_no_harm(tmp_path, small):
    """Nothing can be done about SIGKILL: its temporary file stays, and the next build does not care."""
    out, argv = slow_build(tmp_path)
    child = subprocess.Popen(argv, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_at_work(child, out)
    child.kill()
    child.communicate(timeout=30)
    [left] = [path for path in out.iterdir() if path.name != "x.img"]
    assert left.name.startswith(".mkinitfs-") and left.stat().st_mode & 0o777 == 0o600
    assert (out / "x.img").read_text() == "old"
    assert mkinitfs("build", "--profile", small, "--output", out / "x.img").code == 0
    assert mkinitfs("list", out / "x.img").code == 0
    assert {path.name for path in out.iterdir()} == {"x.img", left.name}


def test_progress_is_for_terminals_only(tmp_path, small):
    """On a terminal the bar is drawn; its traces are gone from a pipe."""
    image = tmp_path / "x.img"
    words = command("build", "--profile", small, "--output", image)
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, check=True)
    assert done.stderr == "" and len(done.stdout.splitlines()) == 1
    terminal = ["script", "-qec", " ".join(words), "/dev/null"]
    shown = subprocess.run(terminal, env=environment(TERM="xterm"), capture_output=True, text=True, check=True).stdout
    assert "\x1b[" in shown and done.stdout.split(",")[1] in shown


def test_the_staged_ramdisk_fits_its_limit():
    """12 MB, of which tmpfs takes whole pages."""
    found = kernel("6.1")
    words = ["plan", "--kernel-dir", found.root, "--hardware", "virtio_net,e1000", "--json"]
    plan = json.loads(mkinitfs(*words).out)
    assert 6_000_000 < plan["ramdisk_bytes"] <= 12_000_000
    assert not any("keeps" in text for text in plan["warnings"])
    staged = json.loads(mkinitfs("plan", "--profile", "shutdown", "--json").out)["entries"]
    files = [entry["size"] for entry in staged if entry["type"] == "file"]
    assert plan["ramdisk_bytes"] == sum(-(-size // 4096) * 4096 for size in files)
    paths = {entry["path"] for entry in plan["entries"]}
    assert {"init", "shutdown", "usr/sbin/mount.cifs", "usr/bin/losetup", "usr/sbin/modprobe"} <= paths
    assert all(entry["reason"] for entry in plan["entries"])


def test_a_build_without_any_option_says_one_thing_to_do():
    """Every driver there is, on a machine without their firmware; nothing about the shipped profile itself."""
    done = mkinitfs("build", "--kernel-dir", kernel("6.1").root, "--dry-run")
    (line,) = done.err.splitlines() or [""]
    assert line == "" or line.startswith("warning: no firmware for "), line


def test_the_staged_ramdisk_is_exactly_the_shutdown_profile(tmp_path):
    found = kernel("6.1")
    image = tmp_path / "x.img"
    words = ["build", "--kernel-dir", found.root, "--hardware", "virtio_net", "--level", "1", "--output", image]
    assert mkinitfs(*words).code == 0
    staged = mkinitfs("cat", image, "usr/lib/mkinitfs/ramdisk").out.splitlines()
    plan = json.loads(mkinitfs("plan", "--profile", "shutdown", "--json").out)
    assert staged == [entry["path"] for entry in plan["entries"] if entry["type"] != "device"]
    assert set(staged) <= set(mkinitfs("list", image).out.splitlines())
    folder = [profile_folder()]
    assert mkinitfs("cat", image, "usr/lib/mkinitfs/modules").out.splitlines() == list(
        profiles.load("loop", folder).load
    )


def test_added_settings_win_over_the_defaults(small, tmp_path):
    hosts, image = tmp_path / "hosts", tmp_path / "image"
    hosts.write_text("192.0.2.1 server\n")
    mkinitfs("build", "--profile", small, "--add", f"{hosts}:/etc/hosts", "--level", "1", "--output", image)
    assert mkinitfs("cat", image, "etc/hosts").out == "192.0.2.1 server\n"
    assert mkinitfs("cat", image, "etc/nsswitch.conf").out


def test_what_is_loaded_first_are_the_names_that_init_looks_up(tmp_path):
    """Names, aliases and patterns, of which /init knows the first only."""
    found, image, profile = kernel("6.1"), tmp_path / "image", tmp_path / "p.toml"
    words = ("build", "--profile", profile, "--kernel-dir", found.root, "--level", "1", "--output", image)
    profile.write_text('load = ["kernel/fs/nls/nls_iso8859-[12].ko", "fs-xfs", "?none", "virtio-s*i", "crc32c"]')
    assert mkinitfs(*words).code == 0
    names = mkinitfs("cat", image, "usr/lib/mkinitfs/modules").out.split()
    assert names[:4] == ["nls_iso8859_1", "nls_iso8859_2", "xfs", "virtio_scsi"]
    index = ModuleIndex(mkinitfs("cat", image, f"usr/lib/modules/{found.version}/modules.dep").out, "")
    assert all(index.load_order(name) for name in names)
    profile.write_text('load = ["xfs", "kernel/fs/nsl/*.ko", "xfss"]')
    done = mkinitfs(*words)
    assert (done.code, done.err.splitlines()) == (
        1,
        [
            f"error: kernel {found.version}: no module or alias kernel/fs/nsl/*.ko (profile p), xfss (profile p)",
            "hint: similar names: xfs, xenfs",
        ],
    )
