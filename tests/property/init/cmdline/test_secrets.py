"""No secret is shown, in whatever way a command line carries it: the manual's, dracut's, initramfs-tools', live-boot's.

The secrets are made of letters that nothing else holds, so that one of them in a text means that a part leaked.
"""

from __future__ import annotations

import os
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from init.boot import failure, steps
from init.cmdline import handed_on, secrets
from init.cmdline.cifsroot import Share
from init.cmdline.settings import Ending, SettingsError, from_command_line
from init.cmdline.words import CommandLine, parse
from init.operations import MountExport, MountShare, Report, Shell, StepError
from init.system.log import Log
from tests.machine import Machine

LETTERS = frozenset("XYZ")
SECRETS = st.text(alphabet="XYZ,=/\\@:;%!~ß'$ ", min_size=1, max_size=12).filter(LETTERS.intersection)
# What a secret may be that is followed by other things without being encoded.
PLAIN = st.text(alphabet="XYZ/\\:;!~ß'=", min_size=1, max_size=12).filter(LETTERS.intersection)

LOG = Log(os.devnull)  # one, since it keeps its file open


def doubled(secret: str) -> str:
    return secret.replace(",", ",,")


def encoded(secret: str) -> str:
    return quote(secret, safe="!~'$")


def as_it_is(secret: str) -> str:
    return secret


# A form, and how the secret is written in it. All of these are understood.
UNDERSTOOD = [
    *((f"cifsroot=//s/x,user=a,{key}={{}}", doubled) for key in ("password", "pass", "passwd", "pwd")),
    ("root=/dev/cifs cifsroot=//s/x,password={},user=a,ro,vers=3.0", doubled),
    ("cifsroot=//s/x,user=a rootflags=soft,password={}", doubled),
    ("cifsroot=cifs://a:{}@s/x", encoded),
    ("root=cifs://a:{}@s/x", encoded),
    ("root=cifs://a:{}@[fd00::1]:445/x/y,ro rw", encoded),
    ("root=smb://D;a:{}@s:445/x", encoded),
    ("root=SMB://D%5Ca:{}@s:/x", encoded),
    ("netroot=cifs://a:{}@s/x", encoded),
    ("root=dhcp netroot=cifs://a:{}@s/x", encoded),
    ("root=cifs://s/x cifsuser=a cifspass={}", as_it_is),
    ("cifspass={} root=cifs://a@s/x", as_it_is),
    ("root=cifs://s/x cifsuser=a%{}", as_it_is),
    ("cifsroot=//s/x cifsuser=D\\a%{}", as_it_is),
    ("boot=live netboot=cifs nfsroot=//s/x nfsopts=user=a,password={}", doubled),
    ("root=/dev/nfs boot=casper netboot=cifs nfsroot=//s/x nfsopts=-ouser=a,pass={}", doubled),
]  # fmt: skip
# Understood, unless the secret holds what ends it there.
PERHAPS = [
    "cifsroot=//s/x,user=a%{}", "cifsroot=//s/x,username=D/a%{},ro", "cifsroot=//a:{}@s/x", "cifsroot=//a%{}@s/x",
    "root=cifs://a:{}@s/x", "cifsroot=//s/x,user=a,password={}",
    "cifsroot=//s/x,password={},user=a", "cifsroot=//s/x,credentials=/f,password={}",
    "cifsroot=//s/x,guest rootflags=pass={},ro",
]  # fmt: skip
# Not understood, or a secret where none is looked for.
WRONG = [
    "cifsroot=nowhere,password={}", "cifsroot=password={}", "root=//s/x,user=a,password={}", "cifsroot=//s,pass={}",
    "root=/dev/sda cifsroot=//s/x,password={}", "cifsroot=//s/x,user=a,password2={}", "cifsroot=//s/x,pass2={}",
    "cifsroot=//a:{}@s", "cifsroot=//a:{}@s:nfs/x", "cifsroot=cifs:a:{}@//s/x", "root=cifs:///a:{}@s",
    "root=cifs:a:{}@s",
    "root=iscsi:a:{}@s::::iqn.2009-01.com:x", "root=live:http://a:{}@s/x.img", "root=nbd:a:{}@s:1", "root=nbd:a:{}@s:x",
    "nfsroot=s:/x,password={}", "nfsroot=s:/x:ro,pass={}",
    "root=/dev/nfs nfsroot=//s,password={}", "cifsroot=//s/x PASSWD={}", "cifsroot=//s/x cifsroot2=//a:{}@s/x",
    "cifsroot=//s/x fetch=http://a:{}@s/x", "cifsroot=//[a:{}@fd00::1]/x",
    "netroot=//a:{}@s/x", "cifsroot=//s/x,user=a,password={} panic=x",
    "cifsroot=//s/x;password={}", "cifsroot=//s;pass={}/x", "cifsroot=//s/x;user=a;password={}",
    "cifsroot=//s/x?user=a&password={}",
    "cifsroot=//s/x,user=a;password={}", "cifsroot=//s/x,vers=3.0:pass={}", "cifsroot=//s/x,rw;password={},ro",
    "cifsroot=//s/x rootflags=soft;password={}", "root=cifs://s/x;password={} cifsuser=a",
    "root=cifs://s/x cifsuser=a;password={}", "cifsroot=//s/x,domain=D;pass={}", "nfsroot=s:/x:vers=3;password={}",
    "root=/dev/nfs boot=casper netboot=cifs nfsroot=//s/x nfsopts=-ouser=a;pass={}",
]  # fmt: skip


def line_of(form: str, secret: str) -> CommandLine:
    """The command line with the secret in it, each word quoted as the kernel has it."""
    return parse(" ".join(f'"{word.replace("{}", secret)}"' for word in form.split(" ")))


def refused(operation: MountShare | MountExport) -> None:
    """A mount that fails, with the kernel's words for options that it does not like."""
    options = operation.options if isinstance(operation, MountShare) else ",".join(operation.export[:3])
    said = [f'Unknown mount option "{word.partition("=")[0]}"' for word in options.split(",")]
    raise StepError(f"{options}: Invalid argument", tuple(said))


def told(line: CommandLine, credentials: str = "") -> str:
    """All that is written anywhere while a machine boots with this line, and its server refuses it."""
    log = LOG
    log.lines.clear()
    log.secrets = secrets.found(line.words) | secrets.in_credentials(credentials)
    machine = Machine({MountShare: refused, MountExport: refused, Shell: "poweroff"})
    try:
        settings = from_command_line(line, credentials)
    except SettingsError as error:
        machine.run(failure.refuse(error.mistakes, Ending(-1, True)))
    else:
        machine.run(steps.boot(settings))
    log.write(7, " ".join(value or name for name, value in line.words))  # as any text of ours might quote it
    for operation in machine.done:
        log.write(7, operation.describe())
    for share in machine.of(MountShare):  # what stands in mount.cifs's arguments, which nobody masks
        log.lines += [share.unc, share.options]
    variables = {name: value for name, value in line.words if value is not None}
    handed = handed_on.environment(variables), handed_on.arguments(word for word, value in line.words if value is None)
    return "\n".join([*log.lines, log.mask("\n".join(report.text for report in machine.of(Report))), repr(handed)])


@pytest.mark.parametrize(("form", "written"), UNDERSTOOD)
@given(SECRETS)
@example("X,,Y,ro,Z")
@example("X%59")
@example(",X=Z,")
def test_understood_and_shown_nowhere(form, written, secret):
    if written is as_it_is or "password={},user" not in form:
        secret = secret.rstrip(",") or "X"  # three commas before the next option are read the other way round
    line = line_of(form, written(secret))
    source = from_command_line(line).source
    assert isinstance(source, Share)
    assert (source.unc.rpartition("/")[0][:3], source.username, source.password) in {
        ("//s", "a", secret), ("//f", "a", secret),
    }  # fmt: skip
    assert LETTERS.isdisjoint(told(line))


@pytest.mark.parametrize("form", [*PERHAPS, *WRONG])
@given(SECRETS | PLAIN)
@example("XXXX@YYYY")
@example("XXXX,YYYY")
@example("XXXX,ro=YYYY,ZZZZ")
@example("XXXX/YYYY:ZZZZ")
def test_shown_nowhere_where_it_is_not_understood(form, secret):
    assert LETTERS.isdisjoint(told(line_of(form, secret)))


@pytest.mark.parametrize(
    "form", ["root=nfs:a:{}@s:/x", "nfsroot=nfs://a:{}@s/x", "root=a:{}@s:/x", "nfsroot=a:{}@s:/x"]
)
@given((SECRETS | PLAIN).filter(lambda secret: "/" not in secret))
@example("XXXX,YYYY")
def test_nfs_has_no_passwords_but_shows_none(form, secret):
    assert LETTERS.isdisjoint(told(line_of(form, secret)))


@pytest.mark.parametrize("form", ["username=a\npassword={}\n", "password={}\r\nuser=a\r\ndomain=D", "user=a%{}\n"])
@given(SECRETS)
@example("X,,Y")
def test_the_secret_in_the_image_is_shown_nowhere(form, secret):
    credentials = form.replace("{}", secret)
    line = parse("cifsroot=//s/x")
    source = from_command_line(line, credentials).source
    assert (source.username, source.password) == ("a", secret)
    assert LETTERS.isdisjoint(told(line, credentials))
