"""Server's setting, what fails, what the user reads: each asked of a real server by a real kernel."""

import os
import textwrap

import pytest

from .harness import Samba
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
RIGHTS = "user and password are right, but the server does not let this user into the share"
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
    "a DFS link": ("dfs/link", USER, "", "No such file or directory", "DFS link to another server"),
    "a container's name": ("share/disk.img", USER, "", "Not a directory", "loop="),
    "smb encrypt = required, vers=2.1": ("share", f"vers=2.1,{USER}", "sealed", "Permission denied", "encryption"),
    "hosts deny for all": ("share", USER, "shut", "Host is down", "the server hung up"),
    "only SMB1": ("share", USER, "old", "Host is down", "the server hung up"),
    "server min protocol = SMB3_11, vers=1.0": ("share", f"vers=1.0,{USER}", "", "Operation not supported", "vers="),
    "no POSIX extensions": ("share", f"posix,{USER}", "", "Operation not supported", "lacks the POSIX extensions"),
    "nobody listens": ("share", f"{USER},port=1", "", "Connection refused", "is the server on"),
    "an unknown option": ("share", f"nonsense,{USER}", "", "Invalid argument", "does not know an option"),
    "no such character set": ("share", f"{USER},iocharset=koi8-r", "", "Can not access", "--module nls_NAME"),
    "sec=krb5": ("share", f"{USER},sec=krb5", "", "No such file or directory", "Kerberos"),
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
"""


@pytest.mark.parametrize("series", ["6.1", pytest.param("6.12", marks=pytest.mark.matrix)])
def test_what_a_user_reads(series: str, site: Site) -> None:
    folder, server = site.folder / "share", site.serve()
    site.disk.write_bytes(b"x")
    (folder / "closed").mkdir(mode=0o700)
    (folder / "dfs").mkdir()
    os.symlink(r"msdfs:other\share", folder / "dfs/link")
    text = server.config.read_text().replace("[share]", "    host msdfs = yes\n[share]", 1)
    server.config.write_text(text + SECTIONS.format(folder=folder))
    others = {
        "sealed": Samba(site.folder / "2", options={"smb encrypt": "required", "server min protocol": "SMB2_02"}),
        "shut": Samba(site.folder / "3", options={"hosts deny": "ALL"}),
        "old": Samba(site.folder / "4", smb1=True, options={"server max protocol": "NT1"}),
    }
    ports = {"": server.port} | {name: other.port for name, other in others.items()}
    table = site.folder / "table"
    with table.open("w") as file:
        for name, (share, words, which, *_) in TABLE.items():
            port = "" if "port=" in words else f",port={ports[which]}"
            print(name, f"//10.0.2.2/{share},{words}{port}", sep="\t", file=file)
    script = site.folder / "try.py"
    script.write_text(textwrap.dedent(TRY))
    flags = (*SMALL, "--add", f"{script}:/try.py", "--add", f"{table}:/table")
    with (
        others["sealed"], others["shut"], others["old"],
        site.boot("ip=dhcp rd.break=share panic=0", series=series, flags=flags, up=SHELL) as vm,
    ):  # fmt: skip
        vm.run("echo 1 >/proc/sys/kernel/printk")  # no line of the kernel's in between
        answers = vm.run("$(ls /usr/bin/python3.*) -ISB /try.py </table", 300)
    read = {line.split("\t")[0]: line.split("\t")[1:] for line in answers.splitlines()}
    wrong = [
        f"{name}: {read[name]}"
        for name, (share, _, _, reason, hint) in TABLE.items()
        if not read[name][0].startswith(f"//10.0.2.2/{share}: {reason}") or hint not in read[name][1]
    ]
    assert not wrong, "\n".join(wrong)
