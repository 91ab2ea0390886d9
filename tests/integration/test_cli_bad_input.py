"""Bad input: one clear message, exit code 1 (2 for usage), no half-written image, the previous one untouched.

Needs busybox and util-linux (setpriv, unshare).
"""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from tests.command import command, environment, mkinitfs
from tests.kernels import fake_kernel, fake_module

BUSYBOX = Path("/usr/bin/busybox")
PREVIOUS = b"the image of yesterday"


class Case:
    """A folder with a profile to build from, and yesterday's image where the new one is to go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.image = folder / "out" / "initramfs.img"
        self.image.parent.mkdir()
        self.image.write_bytes(PREVIOUS)

    def profile(self, text: str) -> Path:
        path = self.folder / "test.toml"
        path.write_text(text)
        return path

    def fails(self, text: str, *arguments: str | Path, code: int = 1, **changes: str) -> list[str]:
        """Build from a profile `text`; the lines of the complaint. Nothing else may have happened."""
        done = mkinitfs("build", "--profile", self.profile(text), "--output", self.image, *arguments, **changes)
        assert (done.code, done.out) == (code, ""), done.err
        assert self.image.read_bytes() == PREVIOUS
        assert list(self.image.parent.iterdir()) == [self.image]
        return done.err.splitlines()


@pytest.fixture
def case(tmp_path):
    return Case(tmp_path)


def sysroot(folder: Path, *files: Path) -> Path:
    """A system that holds nothing but `files`, each at its own real path, and busybox."""
    root = folder / "root"
    for file in (BUSYBOX, *files):
        target = root / file.resolve().relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    return root


def kernel(folder: Path, version: str, dep: str = "", **modules: bytes) -> Path:
    """A kernel's folder with the given modules.dep and module files."""
    path = folder / "kernels" / "lib/modules" / version
    path.mkdir(parents=True)
    (path / "modules.dep").write_text(dep)
    for name, content in modules.items():
        (path / f"{name}.ko").write_bytes(content)
    return folder / "kernels"


def test_a_missing_binary(case):
    assert case.fails('programs = ["no-such-program"]') == [
        "error: no-such-program: program not found below /",
        "hint: looked in /usr/sbin, /usr/bin, /sbin, /bin: install the package that brings it",
    ]


def test_a_missing_library(case):
    # the linker is there, libc and libresolv are not
    root = sysroot(case.folder, Path("/lib64/ld-linux-x86-64.so.2"))
    (root / "lib64").mkdir()
    shutil.copy("/lib64/ld-linux-x86-64.so.2", root / "lib64/ld-linux-x86-64.so.2")
    first, hint = case.fails('programs = ["busybox"]', "--sysroot", root)
    assert first == ("error: libresolv.so.2: library not found: /usr/bin/busybox needs libresolv.so.2")
    assert hint.startswith("hint: looked in /") and hint.endswith(f"install the package that brings it below {root}")


def test_a_missing_interpreter_of_a_program(case):
    root = sysroot(case.folder)
    assert case.fails('programs = ["busybox"]', "--sysroot", root) == [
        "error: /lib64/ld-linux-x86-64.so.2: missing, the interpreter of /usr/bin/busybox",
        f"hint: install the C library that brings it below {root}",
    ]


def test_a_missing_interpreter_of_a_script(case):
    script = case.folder / "script"
    script.write_text("#!/usr/bin/no-such-shell\n")
    script.chmod(0o755)
    assert case.fails("", "--add", f"{script}:/script") == [
        "error: /usr/bin/no-such-shell: missing, the interpreter of /script",
        "hint: install the package that brings it below /, or correct the #! line",
    ]


def test_a_file_to_add_that_is_not_there(case):
    hint = "hint: SRC lies on this machine; SRC:DEST puts it at DEST in the image"
    assert case.fails("", "--add", "/no/such:/x") == [
        "error: --add /no/such:/x: /no/such: no such file or folder",
        hint,
    ]
    assert case.fails("", "--add", "") == ["error: --add : expected SRC or SRC:DEST", hint]
    assert case.fails("", "--add", "/etc/passwd:") == ["error: --add /etc/passwd:: expected SRC or SRC:DEST", hint]


def test_a_program_for_another_machine(case):
    data = bytearray(BUSYBOX.read_bytes())
    data[18:20] = (183).to_bytes(2, "little")  # e_machine: EM_AARCH64
    stranger = case.folder / "stranger"
    stranger.write_bytes(data)
    stranger.chmod(0o755)
    assert case.fails('programs = ["busybox"]', "--add", f"{stranger}:/bin/stranger") == [
        "error: /usr/bin/stranger: for another machine: aarch64, not x86_64",
        "hint: / should hold a system for one machine",
    ]
    first, *_ = case.fails("", "--add", f"{stranger}:/bin/stranger")
    assert (
        first == "error: /lib64/ld-linux-x86-64.so.2: for x86_64, 64 bit, yet the interpreter of "
        "/usr/bin/stranger, which is for aarch64, 64 bit"
    )


def test_a_truncated_program(case):
    broken = case.folder / "broken"
    broken.write_bytes(BUSYBOX.read_bytes()[:5000])
    broken.chmod(0o755)
    first, hint = case.fails("", "--add", f"{broken}:/bin/broken")
    assert first.startswith(f"error: {broken}: truncated ELF file: 5000 bytes, of at least ")
    assert hint == "hint: install the package it belongs to again"


def test_a_missing_module(case):
    root = kernel(case.folder, "6.6.6", "kernel/ext4.ko:\n")
    assert case.fails('modules = ["ext5"]', "--kernel-dir", root) == [
        "error: kernel 6.6.6: no module or alias ext5 (profile test)",
        "hint: similar names: ext4",
    ]


def test_a_module_whose_file_is_missing(case):
    root = kernel(case.folder, "6.6.6", "ext4.ko:\n")
    assert case.fails('modules = ["ext4"]', "--kernel-dir", root) == [
        f"error: {root}/lib/modules/6.6.6/ext4.ko: no such file, though modules.dep names it",
        f"hint: run: depmod -b {root} 6.6.6",
    ]


def test_a_truncated_module(case):
    root = kernel(case.folder, "6.6.6", "cut.ko:\n", cut=b"\x7fELF\2\1\1" + bytes(30))
    assert case.fails('modules = ["cut"]', "--kernel-dir", root) == [
        f"error: {root}/lib/modules/6.6.6/cut.ko: truncated kernel module",
        "hint: reinstall the kernel's package",
    ]


def test_a_profile_with_mistakes(case):
    lines = case.fails('program = ["busybox"]\nmodules = 1')
    path = case.folder / "test.toml"
    assert lines == [
        "error: profile test: 2 mistakes",
        f"  {path}: program: unknown key, did you mean programs?",
        f"  {path}: modules: expected a list of strings, found a number",
        "hint: mkinitfs-profile(5) describes every key",
    ]


def test_applets_that_the_busybox_lacks(case):
    assert case.fails('programs = ["busybox"]\napplets = ["sh", "?maybe", "sch"]') == [
        "error: /usr/bin/busybox: built without sch (profile test, applets)",
        "hint: install the full busybox",
    ]


def test_two_contents_for_one_path(case):
    one, two = case.folder / "one", case.folder / "two"
    one.write_text("1"), two.write_text("2")
    assert case.fails("", "--add", f"{one}:/x", "--add", f"{two}:/x") == [
        f"error: /x: two different entries: --add {one}:/x; --add {two}:/x",
        "hint: leave one of the two out",
    ]


def test_a_sysroot_that_is_not_there_or_not_readable(case):
    nowhere = case.folder / "nowhere"
    assert case.fails("", "--sysroot", nowhere) == [
        f"error: {nowhere}: sysroot: No such file or directory",
        "hint: give a folder that holds a system",
    ]
    closed = case.folder / "closed"
    closed.mkdir(mode=0)
    # setpriv so that root, too, is held to the permissions
    argv = [
        "setpriv",
        "--bounding-set=-all",
        "--inh-caps=-all",
        *command("plan", "--profile", case.profile(""), "--sysroot", closed),
    ]
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True)
    assert (done.returncode, done.stderr.splitlines()[0]) == (1, f"error: {closed}: sysroot: Permission denied")


def test_a_sysroot_without_python(case):
    assert case.fails('entry_points = { "/init" = "init.__main__:main" }', "--sysroot", sysroot(case.folder)) == [
        f"error: {case.folder / 'root'}: no Python 3 in /usr/bin",
        "hint: early user space is Python: install python3 there (3.11 or later)",
    ]


def test_an_entry_point_that_is_not_there(case):
    assert case.fails('entry_points = { "/init" = "init.nothing:main" }') == [
        "error: Python module init.nothing: not in early user space (the folder init)"
    ]
    (line,) = case.fails('entry_points = { "/init" = "init.cmdline.words:run" }')
    assert line.startswith("error: entry point init.cmdline.words:run: no function run in /")


def test_kernel_versions(case):
    root = kernel(case.folder, "6.1.0-a")
    kernel(case.folder, "6.12.0-b")
    text = 'modules = ["x"]'
    assert case.fails(text, "--kernel-dir", root, "--kernel-version", "5.4") == [
        f"error: kernel 5.4: not below {root}/lib/modules",
        "hint: there are: 6.1.0-a, 6.12.0-b",
    ]
    assert case.fails(text, "--kernel-dir", root) == [
        f"error: {root}/lib/modules: 2 kernels",
        "hint: choose one with --kernel-version: 6.1.0-a, 6.12.0-b",
    ]
    assert case.fails(text, "--kernel-dir", case.folder) == [
        f"error: {case.folder}/lib/modules: no kernel with a modules.dep",
        "hint: install a kernel there, or name another folder with --kernel-dir",
    ]
    (root / "lib/modules/6.1.0-a/kernel").mkdir()
    for below in ("lib/modules", "lib/modules/6.1.0-a"):
        assert case.fails(text, "--kernel-dir", root / below) == [
            f"error: {root}/{below}/lib/modules: no kernel with a modules.dep",
            f"hint: name the folder above lib/modules: --kernel-dir {root}",
        ]


def test_a_kernel_dir_that_is_something_else(case):
    """A package, and a kernel's sources."""
    package, sources = case.folder / "linux-image.deb", case.folder / "linux"
    package.touch()
    assert case.fails('modules = ["x"]', "--kernel-dir", package) == [
        f"error: {package}: no folder with a kernel",
        "hint: dpkg -x PACKAGE DIR makes one for --kernel-dir",
    ]
    sources.mkdir()
    (sources / "Makefile").touch(), (sources / "Kbuild").touch()
    assert case.fails('modules = ["x"]', "--kernel-dir", sources) == [
        f"error: {sources}/lib/modules: no kernel with a modules.dep",
        "hint: install the modules from there, make modules_install INSTALL_MOD_PATH=DIR, and name --kernel-dir DIR",
    ]


def test_a_kernel_of_which_a_package_is_missing(case):
    root = kernel(case.folder, "7.2.13", "kernel/ext4.ko:\n")
    assert case.fails('modules = ["loop"]', "--kernel-dir", root) == [
        "error: kernel 7.2.13: no module or alias loop (profile test)",
        "hint: modules.builtin, which tells what is built in, is not there: is linux-base-VERSION unpacked, too?",
    ]


def test_a_kernel_that_was_unpacked_and_never_indexed(case):
    (case.folder / "usr/lib/modules/7.2.13/kernel/fs").mkdir(parents=True)
    for choice in ((), ("--kernel-version", "7.2.13")):
        assert case.fails('modules = ["ext4"]', "--kernel-dir", case.folder, *choice) == [
            f"error: {case.folder}/usr/lib/modules/7.2.13: no modules.dep",
            f"hint: run: depmod -b {case.folder}/usr 7.2.13",
        ]


def test_an_output_that_is_a_folder_or_in_none(case):
    profile = case.profile('programs = ["busybox"]')
    done = mkinitfs("build", "--profile", profile, "--output", case.image.parent)
    assert (done.code, done.err) == (
        1,
        f"error: {case.image.parent}: is a folder\nhint: name a file in it: {case.image.parent}/initramfs.img\n",
    )
    done = mkinitfs("build", "--profile", profile, "--output", case.folder / "none" / "x.img")
    assert (done.code, done.err.splitlines()[0]) == (1, f"error: {case.folder}/none: no such folder")
    assert list(case.image.parent.iterdir()) == [case.image]


def test_a_full_disk(case):
    """On a file system of 200 kB that holds yesterday's image already."""
    disk = case.folder / "disk"
    disk.mkdir()
    build = command("build", "--profile", case.profile('programs = ["busybox"]'), "--output", disk / "new.img")
    script = (
        'mount -t tmpfs -o size=200k none "$0" && printf old >"$0/new.img" && "$@"; code=$?; '
        'ls -A "$0"; cat "$0/new.img"; exit $code'
    )
    argv = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, str(disk), *build]
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True)
    assert done.stderr == (
        f"error: {disk}/new.img: cannot be written: No space left on device\n"
        "hint: make room there, or choose another output\n"
    )
    assert (done.returncode, done.stdout) == (1, "new.img\nold")


def test_a_limit_on_the_size_of_files(case):
    words = command("build", "--profile", case.profile('programs = ["busybox"]'), "--output", case.image)
    argv = ["sh", "-c", 'ulimit -f 200; exec "$@"', "sh", *words]
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", (
        f"error: {case.image}: cannot be written: File too large\n"
        "hint: raise the limit on the size of files (ulimit -f), or choose another output\n"
    ))  # fmt: skip
    assert (case.image.read_bytes(), list(case.image.parent.iterdir())) == (PREVIOUS, [case.image])


@pytest.mark.parametrize(
    ("limit", "packing"),
    [
        (40_000, ()),  # kB: not even the modules of the builder
        (100_000, ()),
        (300_000, ("--level", "22")),  # while the image is written
        (300_000, ("--compression", "xz", "--level", "9")),
    ],
)
def test_too_little_memory(case, limit, packing):
    case.folder.joinpath("big").write_bytes(bytes(1 << 20))
    words = ["--profile", case.profile('programs = ["busybox"]'), "--add", f"{case.folder}/big:/big", *packing]
    argv = ["sh", "-c", f'ulimit -v {limit}; exec "$@"', "sh", *command("build", *words, "--output", case.image)]
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", (
        "error: mkinitfs: not enough memory\n"
        "hint: raise the limit on it (ulimit -v, the container's own), or build with --threads 1 and a lower --level\n"
    ))  # fmt: skip
    assert (case.image.read_bytes(), list(case.image.parent.iterdir())) == (PREVIOUS, [case.image])


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (("--level", "99"), ["error: compression zstd: level 99 is out of range", "hint: give a level from 1 to 22"]),
        (
            ("--hardware", "virtio net"),
            [
                "error: --hardware 'virtio net': neither generic, host nor a list of drivers",
                "hint: e.g. virtio_net,e1000",
            ],
        ),
        (
            ("--credentials", "/no/such"),
            [
                "error: credentials /no/such: No such file or directory",
                "hint: name a file with username=NAME, password=WORD and domain=NAME, each on a line of its own",
            ],
        ),
    ],
)
def test_options_with_wrong_values(case, arguments, lines):
    assert case.fails("", *arguments) == lines


def test_a_machine_whose_kernel_early_user_space_cannot_call(case):
    """sparc64 by the head of its Python."""
    tree = case.folder / "sysroot"
    for path in ("usr/bin/python3.11", "usr/lib/python3.11/os.py"):
        (tree / path).parent.mkdir(parents=True)
        (tree / path).touch()
    fields = struct.pack(">HHI3QI6H", 2, 43, 1, 0, 0, 0, 0, 64, 0, 0, 64, 0, 0)
    (tree / "usr/bin/python3.11").write_bytes(b"\x7fELF\2\2\1" + bytes(9) + fields)
    lines = case.fails('entry_points = { "/init" = "init.__main__:main" }\n', "--sysroot", tree)
    assert lines[0] == (
        "error: /usr/bin/python3.11: for sparcv9 of 64 bits, big-endian: "
        "early user space does not know how to call that kernel"
    )
    assert lines[1].startswith("hint: it knows aarch64-linux-gnu, arm-linux-gnueabihf, i386-linux-gnu, ")


def test_a_kernel_of_32_bits_runs_no_programs_of_64(case):
    """The other way round is right: a user space of 32 bits under a kernel of 64."""
    module = bytearray(fake_module(elfclass=1))
    module[18:20] = struct.pack("<H", 3)  # EM_386
    fake_kernel(case.folder / "k/lib/modules/6.6.6", {"kernel/nic.ko": bytes(module)})
    lines = case.fails('programs = ["busybox"]\nmodules = ["nic"]\n', "--kernel-dir", case.folder / "k")
    assert lines[0] == "error: kernel 6.6.6: for 386, yet the programs are for x86_64"


@pytest.mark.parametrize("value", ["", "-1", "1.5", "tomorrow", "4294967296"])
def test_a_date_that_is_none(case, value):
    assert case.fails("", SOURCE_DATE_EPOCH=value) == [
        f"error: SOURCE_DATE_EPOCH: '{value}' is not a number of seconds from 0 to 4294967295",
        "hint: e.g. git log -1 --format=%ct",
    ]


def test_usage(case):
    assert case.fails("", "--compresion", "xz", code=2) == [
        "error: mkinitfs build: no such option '--compresion', did you mean '--compression'?",
        "hint: see: mkinitfs build --help",
    ]
    assert case.fails("", "--compression", "zip", code=2) == [
        "error: mkinitfs build: invalid value for '--compression': "
        "'zip' is not one of 'zstd', 'xz', 'gzip', 'lz4', 'none'",
        "hint: see: mkinitfs build --help",
    ]
    done = mkinitfs("bild")
    assert (done.code, done.err.splitlines()[0]) == (
        2,
        "error: mkinitfs: no such command 'bild', did you mean 'build'?",
    )
    done = mkinitfs()
    assert (done.code, done.err) == (2, "error: mkinitfs: missing command\nhint: see: mkinitfs --help\n")
    done = mkinitfs("list")
    assert (done.code, done.err.splitlines()[0]) == (2, "error: mkinitfs list: missing argument 'IMAGE'")


def test_secrets_are_in_no_message_and_no_plan(case):
    secret = case.folder / "secret"
    secret.write_text("username=u\npassword=hunter2\nhunter2\n")
    secret.chmod(0o600)
    lines = case.fails("", "--credentials", secret)
    assert lines[0] == f"error: credentials {secret}: line 3: not of the form key=value"
    secret.write_text("username=u\npassword=hunter2\n")
    for words in (("plan",), ("plan", "--json"), ("build", "--dry-run", "--json"), ("why", "etc/mkinitfs/credentials")):
        done = mkinitfs(*words, "--profile", case.profile(""), "--credentials", secret)
        assert done.code == 0
        assert "hunter2" not in done.out + done.err
