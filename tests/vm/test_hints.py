"""Server's setting, what fails, what the user reads: each asked of a real server by a real kernel."""

import os
import re
import textwrap
from pathlib import Path

import pytest

from tests.command import run

from .harness import MiB, Samba
from .site import SHELL, SMALL, Site

pytestmark = pytest.mark.vm

# Sections of smb.conf beside the harness's own share.
SECTIONS = """
[denied]
    path = {folder}
    valid users = nobody
[off]
    path = {folder}
    available = no
[gone]
    path = {folder}/nowhere
[closed]
    path = {folder}/closed
    force user = nobody
[elsewhere]
    path = {folder}
    hosts deny = ALL
[dfs]
    path = {folder}/dfs
    msdfs root = yes
"""
USER = "username=boot,password=s3cret"
RIGHTS = "lets this user not into the share"
NO_SHARE = "the server has no share of this name"
# setting: the share, its options, which server; what failed, what to try
TABLE = {
    "a wrong password": ("share", "username=boot,password=x", "", "Permission denied", "wrong user name or password?"),
    "an unknown user": ("share", "username=nemo,password=x", "", "Permission denied", "wrong user name or password?"),
    "map to guest = never": ("share", "guest", "", "Permission denied", "no user is named"),
    "valid users": ("denied", USER, "", "Permission denied", RIGHTS),
    "hosts deny": ("elsewhere", USER, "", "Permission denied", RIGHTS),
    "a folder of mode 0700": ("closed", USER, "", "Permission denied", RIGHTS),
    "no such share": ("shard", USER, "", "No such file or directory", NO_SHARE),
    "available = no": ("off", USER, "", "No such file or directory", NO_SHARE),
    "a share without its folder": ("gone", USER, "", "No such file or directory", NO_SHARE),
    "no such folder": ("share/nowhere", USER, "", "No such file or directory", "is the folder there"),
    "a DFS link": ("dfs/link", USER, "", "a DFS link leads to a server whose name has no address", "dmesg names it"),
    "a container's name": ("share/disk.img", USER, "", "Not a directory", "loop="),
    "smb encrypt = required, vers=2.1": ("share", f"vers=2.1,{USER}", "sealed", "Permission denied", "encryption"),
    "hosts deny for all": ("share", USER, "shut", "Host is down", "the server hung up"),
    "only SMB1": ("share", USER, "old", "Host is down", "the server hung up"),
    "server min protocol = SMB3_11, vers=1.0": ("share", f"vers=1.0,{USER}", "", "Operation not supported", "vers="),
    "no POSIX extensions": ("share", f"posix,{USER}", "", "Operation not supported", "lacks the POSIX extensions"),
    "nobody listens": ("share", f"{USER},port=1", "", "Connection refused", "is the server on"),
    "an unknown option": ("share", f"nonsense,{USER}", "", "Invalid argument", "does not know an option"),
    "no such character set": ("share", f"{USER},iocharset=koi8-r", "", "Can not access", "--module nls_NAME"),
    "sec=krb5": ("share", f"{USER},sec=krb5", "", "Required key not available", "Kerberos"),
}  # fmt: skip

# What lies on the share as NAME.img, its type, loopflags=; what failed, what to try.
CONTAINERS = {
    "no file system": ("random", "ext4", "", "Invalid argument", "no such file system is in it"),
    "an option it does not know": ("good", "ext4", "nonsense", "Invalid argument", "does not know an option"),
    "a feature that is to come": ("newer", "ext4", "", "Invalid argument", "made by newer tools than this kernel"),
    "cut off": ("cut", "ext4", "", "Invalid argument", "was it copied to the end?"),
    "a damaged super block": ("damaged", "xfs", "", "Structure needs cleaning|Invalid argument|Bad message", "whole"),
    "a driver that is not there": ("good", "f2fs", "", "No such device", "mkinitfs build --module f2fs"),
    "no file": ("missing", "ext4", "", "no such file on the share", "holds: "),
}  # fmt: skip

# /init's own functions, called in its shell.
TRY = """
    import sys
    sys.path.insert(0, "/usr/lib/mkinitfs")
    from init.cmdline.settings import from_command_line
    from init.cmdline.words import parse
    from init.operations import MountShare, StepError
    from init.perform import smb
    from init.cmdline.cifsroot import with_user
    for line in sys.stdin:
        name, text = line.rstrip("\\n").split("\\t")
        share = from_command_line(parse(f'root=/dev/cifs "cifsroot={text}"')).source
        try:
            smb.mount(MountShare(share.unc, "/mnt", with_user(share, share.options), share.password, 30.0))
            print(name, "mounted", "", "", sep="\\t")
        except StepError as error:
            print(name, error.reason, error.hint, " | ".join(error.said), sep="\\t")
    from init.operations import AttachLoop, FindContainer, Mount
    from init.perform import loop_device
    for line in open("/containers"):
        name, path, fstype, options = line.rstrip("\\n").split("\\t")
        path = f"/mnt/{path}.img"
        try:
            loop_device.find(FindContainer(path))
            device, _ = loop_device.attach(AttachLoop(path, True, 512, 0, 0, True, False))
            loop_device.mount(Mount(device, "/other", fstype, options or "ro"))
            print(name, "mounted", "", "", sep="\\t")
        except StepError as error:
            print(name, error.reason, error.hint, " | ".join(error.said), sep="\\t")
"""
SLOW = """#!/bin/sh
/sbin/slow "$@"
sleep 2"""


def containers(folder: Path) -> None:
    """Make the files of CONTAINERS."""
    for name, kind, size in (("good", "ext4", 16), ("newer", "ext4", 16), ("cut", "ext4", 16), ("damaged", "xfs", 300)):
        image = folder / f"{name}.img"
        with image.open("wb") as file:
            file.truncate(size * MiB)
        run(["mkfs.xfs", "-q", image] if kind == "xfs" else ["mke2fs", "-q", "-t", kind, "-O", "^metadata_csum", image])
    os.truncate(folder / "cut.img", 12 * MiB)
    (folder / "random.img").write_bytes(os.urandom(MiB))
    for name, offset in (("newer", 1024 + 0x60 + 3), ("damaged", 224)):  # s_feature_incompat; sb_crc
        with (folder / f"{name}.img").open("r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 0x80]))


def served(site: Site, folder: Path) -> dict[str, Samba]:
    """The servers, "" being the site's own, which begins with the machine."""
    server = site.serve()
    site.disk.write_bytes(b"x")
    (folder / "closed").mkdir(mode=0o700)
    (folder / "dfs").mkdir()
    os.symlink(r"msdfs:other\share", folder / "dfs/link")
    text = server.config.read_text().replace("[share]", "    host msdfs = yes\n[share]", 1)
    server.config.write_text(text + SECTIONS.format(folder=folder))
    return {
        "": server,
        "sealed": Samba(site.folder / "2", options={"smb encrypt": "required", "server min protocol": "SMB2_02"}),
        "shut": Samba(site.folder / "3", options={"hosts deny": "ALL"}),
        "old": Samba(site.folder / "4", smb1=True, options={"server max protocol": "NT1"}),
    }


@pytest.mark.parametrize("series", ["6.1", pytest.param("6.12", marks=pytest.mark.matrix)])
def test_what_a_user_reads(series: str, site: Site) -> None:
    folder = site.folder / "share"
    servers = served(site, folder)
    containers(folder)
    rows = [
        (name, f"//10.0.2.2/{share},{words}" + ("" if "port=" in words else f",port={servers[which].port}"))
        for name, (share, words, which, *_) in TABLE.items()
    ]
    rows.append(("the share itself", f"//10.0.2.2/share,{USER},port={servers[''].port}"))  # with the containers on it
    flags: list[str | Path] = [*SMALL]
    for name, text in {
        "try.py": textwrap.dedent(TRY),
        "shares": "\n".join("\t".join(row) for row in rows),
        "containers": "\n".join("\t".join([name, *row[:3]]) for name, row in CONTAINERS.items()),
    }.items():
        (site.folder / name).write_text(text)
        flags += ["--add", f"{site.folder / name}:/{name}"]
    with (
        servers["sealed"], servers["shut"], servers["old"],
        site.boot("ip=dhcp rd.break=share panic=0", series=series, flags=flags, up=SHELL) as vm,
    ):  # fmt: skip
        vm.run("echo 1 >/proc/sys/kernel/printk")  # no line of the kernel's in between
        # As on a slow machine, where the refusal of a name must outlast the process that gave it.
        vm.run(f"mv /sbin/request-key /sbin/slow; echo '{SLOW}' >/sbin/request-key; chmod +x /sbin/request-key")
        answers = vm.run("$(ls /usr/bin/python3.*) -ISB /try.py </shares", 300)
    read = {line.split("\t")[0]: line.split("\t")[1:] for line in answers.splitlines()}
    wanted = {name: (f"^//10.0.2.2/{share}: {reason}", hint) for name, (share, _, _, reason, hint) in TABLE.items()}
    wanted |= {name: (f": ({reason})", hint) for name, (*_, reason, hint) in CONTAINERS.items()}
    wrong = [
        f"{name}: {read[name]}"
        for name, (reason, hint) in wanted.items()
        if not re.search(reason, read[name][0]) or hint not in read[name][1]
    ]
    assert not wrong, "\n".join(wrong)
