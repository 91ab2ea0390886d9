"""A share: where it is, who uses it, and with which options."""

import pytest

from init.cmdline.cifsroot import Share, reaching_the_server
from init.cmdline.settings import SettingsError
from tests.machine import settings as read

LITERAL = "//fd00--1.ipv6-literal.net/x"
MEANT = "//server/share[/folder][,options] is meant"


def share(line: str, credentials: str = "") -> Share:
    source = read(line, credentials=credentials).source
    assert isinstance(source, Share)
    return source


@pytest.mark.parametrize(
    ("line", "unc", "options", "login"),
    [
        ("root=cifs://anna:pw@nas/x", "//nas/x", "", ("anna", "pw", None)),
        ("root=cifs://anna:pw@nas:/x/y", "//nas/x/y", "", ("anna", "pw", None)),
        ("root=smb://LAB;anna:p%40%2f:%25@nas:4451/my%20share,vers=3.0", "//nas/my share", "vers=3.0,port=4451",
         ("anna", "p@/:%", "LAB")),
        ("root=cifs://LAB%5Canna:a%b,c=@nas/x", "//nas/x", "", ("anna", "a%b,c=", "LAB")),
        ("root=cifs://anna:@nas/x", "//nas/x", "", ("anna", "", None)),
        ("root=cifs://anna:p@[FD00::1]/x", LITERAL, "ip=fd00::1", ("anna", "p", None)),
        ("cifsroot=cifs://anna:p@[fd00::1]:445/x", LITERAL, "port=445,ip=fd00::1", ("anna", "p", None)),
        ("cifsroot=//[fd00::1]/x@y,user=a", f"{LITERAL}@y", "ip=fd00::1", ("a", None, None)),
        ("cifsroot=//anna:p%41@nas/x", "//nas/x", "", ("anna", "p%41", None)),
        ("cifsroot=//LAB/anna%p@nas/x", "//LAB/anna%p@nas/x", "guest", (None, None, None)),  # a folder, no user
        (r"cifsroot=//LAB\anna%p:w@nas/x", "//nas/x", "", ("anna", "p:w", "LAB")),
        ("cifsroot=//nas:4451/x,user=a,port=1", "//nas/x", "port=1", ("a", None, None)),
        (r"cifsroot=\\nas\x\y,user=a\b", "//nas/x/y", "", ("b", None, "a")),
        ("root=cifs://nas/x cifsuser=anna cifspass=p,w", "//nas/x", "", ("anna", "p,w", None)),
        ("root=cifs://anna@nas/x cifspass=p", "//nas/x", "", ("anna", "p", None)),
        ("cifsroot=//nas/x,user=b,password=q cifsuser=anna cifspass=p", "//nas/x", "", ("b", "q", None)),
        ("root=cifs://anna:p@nas/x,user=b,password=q", "//nas/x", "", ("b", "q", None)),
        ("root=cifs://nas/x", "//nas/x", "", ("packed", "hidden", None)),
        ("netroot=cifs://a:p@nas/x root=dhcp", "//nas/x", "", ("a", "p", None)),
        ("netroot=cifs://a:p@no/x root=/dev/cifs cifsroot=//nas/x,user=b", "//nas/x", "", ("b", None, None)),
        ("netboot=cifs nfsroot=//nas/x nfsopts=user=a,password=p,ro", "//nas/x", "ro", ("a", "p", None)),
        ("root=/dev/cifs nfsroot=//nas/x nfsopts=-ouser=a", "//nas/x", "", ("a", None, None)),
    ],
)  # fmt: skip
def test_the_words_of_other_tools(line: str, unc: str, options: str, login: tuple[str | None, ...]) -> None:
    found = share(line, "" if "guest" in options else "username=packed\npassword=hidden\n")
    assert found[:1] + found[2:5] == (unc, *login)
    assert [word for word in found.options.split(",") if word not in ("hard", "vers=3.1.1")] == [
        *options.split(",")
    ] * bool(options)


@pytest.mark.parametrize(
    ("options", "password", "left"),
    [
        ("password=kreide,,schwamm", "kreide,schwamm", ""),
        ("pass=kreide,,schwamm,ro", "kreide,schwamm", "ro"),
        ("password=a,,ro,,b,soft", "a,ro,b", "soft"),
        ("password=,,a", ",a", ""),
        ("password=a,,,ro", "a,", "ro"),
        ("password=a,,,,b", "a,,b", ""),
        ("password=,ro", "", "ro"),
        ("password=a,,", "a,", ""),
        ("password=a,sec=ntlmssp,nobrl,uid=5,noserverino", "a", "sec=ntlmssp,nobrl,uid=5,noserverino"),
        ("password=a,context=system_u:object_r:nfs_t:s0", "a", "context=system_u:object_r:nfs_t:s0"),
        ("brandnew,password=a", "a", "brandnew"),
        ("soft,,ro,password=a", "a", "soft,ro"),
        ("user=b%a", "a", ""),
        ("pwd=a", "a", ""),
        ('password="a b"', '"a b"', ""),  # the kernel, too, keeps quotes within a value
    ],
)
def test_a_comma_in_a_password_is_written_twice(options: str, password: str, left: str) -> None:
    found = share(f"cifsroot=//nas/x,user=b,{options}")
    assert found.password == password
    assert found.options.removeprefix("vers=3.1.1,").removeprefix("hard,").removeprefix("hard") == left


def test_options_of_rootflags_do_not_run_into_the_password() -> None:
    found = share("cifsroot=//nas/x,user=b,password=a, rootflags=,soft")
    assert (found.password, found.options) == ("a", "vers=3.1.1,soft")


@pytest.mark.parametrize(
    "options", ["password=kreide,schwamm", "password=a,schwamm=1", "password=a,ro=1", "user=b%a,schwamm"]
)
def test_what_may_be_the_rest_of_a_password_is_refused_unseen(options: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(f"cifsroot=//nas/x,user=b,{options}")
    (mistake,) = caught.value.mistakes
    assert "a comma in a password is written twice" in mistake and "schwamm" not in mistake


@pytest.mark.parametrize("text", ["//nas/x;pass=pw", "//nas/x,rw;pass=pw", "//nas/x,user=a&password=pw"])
def test_a_password_behind_another_mark_than_a_comma_is_refused_unseen(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(f"cifsroot={text}")
    (mistake,) = caught.value.mistakes
    assert mistake == "cifsroot=: a password stands where it would be shown: commas separate the options"


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ("cifsroot=//anna:pw@nas", f"cifsroot=******: {MEANT}; in a URL / and @ of a password are %2F and %40"),
        ("root=cifs://anna:p/w@nas/x", f"root=******: {MEANT}; in a URL / and @ of a password are %2F and %40"),
        ("root=cifs://anna:4451/w@nas/x", f"root=******: {MEANT}; in a URL / and @ of a password are %2F and %40"),
        ("root=cifs:anna:pw@//nas/x", f"root=******: {MEANT}; in a URL / and @ of a password are %2F and %40"),
        ("root=cifs:///x", f"root=cifs:///x: {MEANT}"),
        ("cifsroot=//nas:smb/x", "cifsroot=: what stands behind the server's colon is no port"),
        ("cifsroot=//nas,password=p@w/x", f"cifsroot=******: {MEANT}; in a URL / and @ of a password are %2F and %40"),
        ("root=cifs://a%2Cb:p@nas/x", "root=: mount.cifs cannot be told a user or domain with a comma in its name"),
    ],
)
def test_what_is_wrong_with_a_share(line: str, mistake: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(line)
    assert caught.value.mistakes == (mistake,)


@pytest.mark.parametrize(
    ("lease", "options", "reaching"),
    [
        ("on", "vers=3.1.1,hard", "vers=3.1.1,hard,nolease"),
        ("on", "vers=3.1.1,nolease", "vers=3.1.1,nolease"),
        ("on", "vers=1.0,unix", "vers=1.0,unix"),
        ("off", "vers=3.1.1", "vers=3.1.1"),
        ("ro", "vers=3.1.1", "vers=3.1.1,nolease"),
    ],
)
def test_a_client_keeps_no_lock_to_itself(lease: str, options: str, reaching: str) -> None:
    assert reaching_the_server(options, lease) == reaching
