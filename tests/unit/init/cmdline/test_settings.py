"""The command line as a whole: every parameter, every mistake, and where the secrets go."""

import pytest

from init.cmdline import cifsroot, settings
from init.cmdline.cifsroot import Share
from init.cmdline.devices import Bond, Vlan
from init.cmdline.ip_request import Request
from init.cmdline.loopflags import Flags
from init.cmdline.settings import ContainerLease, Ending, Fsck, Loop, Settings, SettingsError
from init.cmdline.words import parse

CIFS = "root=/dev/cifs cifsroot=//server/share"


def read(text: str, credentials: str = "", *arguments: str) -> Settings:
    return settings.from_command_line(parse(text + "\n"), credentials, arguments)


def share(value: str, credentials: str = "") -> Share:
    return read(f"cifsroot={value}", credentials).source


def mistakes(text: str, credentials: str = "") -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read(text, credentials)
    assert str(caught.value) == "; ".join(caught.value.mistakes)
    return caught.value.mistakes


def test_the_kernel_documents_example() -> None:
    """Documentation/admin-guide/cifs/ and cifsroot.rst, to the letter; the kernel hands "3" to /init."""
    text = "root=/dev/cifs rw ip=dhcp cifsroot=//10.0.2.2/linux,username=foo,password=bar console=ttyS0 3"
    assert read(text, "", "3") == Settings(
        source=Share("//10.0.2.2/linux", "vers=3.1.1,hard", "foo", "bar", None), loop=None,
        network=(Request(autoconf="dhcp"),), read_only=False, init=None, init_arguments=("3",),
        rootdelay=0.0, rootwait=False, ending=Ending(panic=0, shell=True), breaks=frozenset(),
        retry=180.0, timeout=0.0, handoff="auto", debug=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "unc"),
    [
        ("//10.0.2.2/linux", "//10.0.2.2/linux"), ("//nas.lan/roots/box1", "//nas.lan/roots/box1"),
        ("//nas/share/", "//nas/share"), ("//nas/share/a/b///", "//nas/share/a/b"), (r"\\nas\share", "//nas/share"),
        (r"\\nas\share\dir,user=a", "//nas/share/dir"), ('"//nas/my share/a dir"', "//nas/my share/a dir"),
        ('"//nas/my share,user=a"', "//nas/my share"), ("//nas/é", "//nas/é"),
    ],
)  # fmt: skip
def test_server_and_share(value: str, unc: str) -> None:
    assert share(value).unc == unc


def test_a_whole_parameter_in_quotes() -> None:
    found = read('"cifsroot=//nas/my share/dir,user=a,password=two words" ro').source
    assert found == Share("//nas/my share/dir", "vers=3.1.1,hard", "a", "two words", None)


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ("user=a", "vers=3.1.1,hard"), ("user=a,vers=1.0", "hard,vers=1.0"),
        ("user=a,vers=3.0,unix", "hard,vers=3.0,unix"), ("user=a,soft", "vers=3.1.1,soft"),
        ("user=a,hard", "vers=3.1.1,hard"), ("user=a,soft,vers=2.1", "soft,vers=2.1"),
        ("user=a,port=4451,mfsymlinks", "vers=3.1.1,hard,port=4451,mfsymlinks"),
        ("user=a,,noperm,", "vers=3.1.1,hard,noperm"), ("user=a,sec=ntlmssp", "vers=3.1.1,hard,sec=ntlmssp"),
        ("", "vers=3.1.1,hard,guest"), ("guest", "vers=3.1.1,hard,guest"), ("sec=none", "vers=3.1.1,hard,sec=none"),
        ("sec=krb5", "vers=3.1.1,hard,sec=krb5"), ("credentials=/etc/c", "vers=3.1.1,hard,credentials=/etc/c"),
        ("cred=/etc/c", "vers=3.1.1,hard,cred=/etc/c"),
    ],
)  # fmt: skip
def test_share_options(given: str, options: str) -> None:
    assert share(f"//s/x,{given}").options == options


def test_rootflags_come_after_cifsroots_own() -> None:
    found = read(f"{CIFS},user=a,soft rootflags=vers=3.0,ro,password=p").source
    assert found == Share("//server/share", "soft,vers=3.0,ro", "a", "p", None, True)


@pytest.mark.parametrize(
    ("given", "user"),
    [
        ("user=anna,pass=p", ("anna", "p", None)), ("username=anna,password=p", ("anna", "p", None)),
        ("username=anna,passwd=p", ("anna", "p", None)),  # mount.cifs compares the first four letters
        ("username=anna", ("anna", None, None)), ("username=anna,password=", ("anna", "", None)),
        ("username=anna,password=a=b", ("anna", "a=b", None)), (r"username=LAB\anna,password=p", ("anna", "p", "LAB")),
        ("username=LAB/anna,password=p", ("anna", "p", "LAB")), ("username=anna,domain=LAB", ("anna", None, "LAB")),
        ("domain=LAB,username=anna", ("anna", None, "LAB")), ("dom=LAB,user=anna", ("anna", None, "LAB")),
        ("workgroup=LAB,user=anna", ("anna", None, "LAB")), ("user=a,user=b,pass=p,pass=q", ("b", "q", None)),
        ("guest,password=p", (None, "p", None)),
    ],
)  # fmt: skip
def test_user(given: str, user: tuple[str | None, ...]) -> None:
    found = share(f"//s/x,{given}")
    assert (found.username, found.password, found.domain) == user


MISSING = "cifsroot=: missing; cifsroot=//server/share[/folder][,options] says where the root lies"
PACKED = "username=packed\npassword=hidden\ndomain=DOM\n"


@pytest.mark.parametrize(
    ("given", "user"),
    [
        ("", ("packed", "hidden", "DOM")), ("vers=3.0", ("packed", "hidden", "DOM")),
        ("domain=LAB", ("packed", "hidden", "LAB")), ("password=mine", ("packed", "mine", "DOM")),
        ("sec=ntlmssp", ("packed", "hidden", "DOM")), ("sec=krb5", ("packed", "hidden", "DOM")),
        # who names a user, or wants none, gets nothing of what is packed
        ("user=anna", ("anna", None, None)), ("user=anna,password=mine", ("anna", "mine", None)),
        ("user=", ("", None, None)), ("guest", (None, None, None)), ("sec=none", (None, None, None)),
        ("credentials=/etc/c", (None, None, None)), ("cred=/etc/c", (None, None, None)),
    ],
)  # fmt: skip
def test_command_line_before_packed_credentials(given: str, user: tuple[str | None, ...]) -> None:
    found = share(f"//s/x,{given}", PACKED)
    assert (found.username, found.password, found.domain) == user
    assert "guest" not in found.options or given == "guest"
    assert "hidden" not in found.options + found.unc


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("username=a\npassword=b\ndomain=c\n", {"username": "a", "password": "b", "domain": "c"}),
        ("user=a\npass=b\ndom=c", {"username": "a", "password": "b", "domain": "c"}),
        ("workgroup=w", {"domain": "w"}),
        ("  username=a\n\n# nothing\npassword=p=q\n", {"username": "a", "password": "p=q"}),
        ("password=ends with blanks  \n", {"password": "ends with blanks  "}),
        ("password= begins with one\n", {"password": " begins with one"}),
        ("password=a,b\n", {"password": "a,b"}),
    ],
)
def test_credentials_file(text: str, found: dict[str, str]) -> None:
    assert cifsroot.parse_credentials(text) == found


@pytest.mark.parametrize(
    ("words", "loop"),
    [
        ("", None),
        ("loop=", None),
        ("loop=root.img", Loop("root.img", "", Flags())),
        ("loop=/root.img", Loop("root.img", "", Flags())),
        ("loop=//a/./b//root.img", Loop("a/b/root.img", "", Flags())),
        ('loop="my images/root one.img"', Loop("my images/root one.img", "", Flags())),
        ("loop=a loopfstype=xfs", Loop("a", "xfs", Flags())),
        ("loop=a loopfstype=auto", Loop("a", "", Flags())),
        ("loop=a loopflags=noatime,ro", Loop("a", "", Flags(("noatime",), read_only=True))),
        ("loop=a loop=b", Loop("b", "", Flags())),
        ("loop=a..b/..c", Loop("a..b/..c", "", Flags())),
    ],
)
def test_loop(words: str, loop: Loop | None) -> None:
    assert read(f"{CIFS} {words}").loop == loop


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        ("", "read_only", True), ("rw", "read_only", False), ("rw ro", "read_only", True),
        ("ro rw", "read_only", False),
        ("rw ro=1", "read_only", False),  # no word of the kernel's
        ("rootdelay=5", "rootdelay", 5.0), ("rootdelay=0.5", "rootdelay", 0.5),
        ("rootwait", "rootwait", True), ("rootwait=no", "rootwait", False),
        ("panic=10", "ending", Ending(panic=10)), ("panic=-1", "ending", Ending(panic=-1)),
        ("panic=10 panic=", "ending", Ending(panic=0)),
        ("init=/bin/bash", "init", "/bin/bash"), ("init=", "init", None),
        ("rd.retry=7", "retry", 7.0),
        ("rd.timeout=7.5", "timeout", 7.5),
        ("rd.shell", "ending", Ending(shell=True)), ("rd.shell=1", "ending", Ending(shell=True)),
        ("rd.shell=0", "ending", Ending(shell=False)), ("rd.shell=no", "ending", Ending(shell=False)),
        ("debug", "debug", True), ("rd.debug", "debug", True), ("quiet", "debug", False),
        ("rd.handoff=supervise", "handoff", "supervise"), ("rd.handoff=", "handoff", "auto"),
        ("", "container_lease", ContainerLease("on", 0)), ("rd.lease=on", "container_lease", ContainerLease("on", 0)),
        ("rd.lease=wait", "container_lease", ContainerLease("wait", float("inf"))),
        ("rd.lease=wait:90", "container_lease", ContainerLease("wait", 90)),
        ("rd.lease=ro", "container_lease", ContainerLease("ro", 0)),
        ("rd.lease=off rd.lease=on", "container_lease", ContainerLease("on", 0)),
        ("rd.break=share", "breaks", {"share"}),
        ("rd.break=share,root rd.break=switch", "breaks", {"share", "root", "switch"}),
        ("rd.break", "breaks", {"switch"}), ("rd.break=", "breaks", {"switch"}),
        ("rd.break=cmdline", "breaks", {"drivers"}), ("rd.break=pre-udev,pre-trigger", "breaks", {"drivers"}),
        ("rd.break=initqueue", "breaks", {"network"}), ("rd.break=pre-mount,mount", "breaks", {"share", "root"}),
        ("rd.break=pre-pivot", "breaks", {"switch"}), ("rd.break=cleanup", "breaks", {"switch"}),
        ("ip=dhcp", "network", (Request(autoconf="dhcp"),)), ("nfsaddrs=dhcp", "network", (Request(autoconf="dhcp"),)),
        ("", "network", (Request(),)),  # as if ip=any had been said
    ],
)  # fmt: skip
def test_one_word(words: str, field: str, value: object) -> None:
    assert getattr(read(f"{CIFS} {words}"), field) == value


@pytest.mark.parametrize("value", ["yes", "wait:", "wait:-1", "wait:1.5", "on:3", "ro:"])
def test_a_lease_mode_that_is_wrong(value: str) -> None:
    with pytest.raises(SettingsError, match="one of on, wait, wait:SECONDS, ro, off is meant"):
        read(f"{CIFS} rd.lease={value}")


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", MISSING),
        ("root=/dev/cifs cifsroot=", MISSING),
        (f"{CIFS} root=sda1",
         "root=sda1: the root lies on a share: root=/dev/cifs cifsroot=//server/share is meant, or root=/dev/nfs "
         "nfsroot=server:/folder"),
        ("cifsroot=nas/share", "cifsroot=nas/share: //server/share[/folder][,options] is meant"),
        ("cifsroot=//nas", "cifsroot=//nas: //server/share[/folder][,options] is meant"),
        ("cifsroot=///share", "cifsroot=///share: //server/share[/folder][,options] is meant"),
        ("cifsroot=//", "cifsroot=: //server/share[/folder][,options] is meant"),
        ("cifsroot=//nas/,user=a,password=x", "cifsroot=//nas: //server/share[/folder][,options] is meant"),
        (f"{CIFS},user=a,password2=x", "cifsroot=: password2= cannot be kept secret; one password is taken, password="),
        (f"{CIFS} loopfstype=xfs", "loopfstype=: means nothing without loop=PATH"),
        (f"{CIFS} loopflags=ro", "loopflags=: means nothing without loop=PATH"),
        (f"{CIFS} loop=../x", "loop=../x: a path inside the share is meant"),
        (f"{CIFS} loop=a/../../x", "loop=a/../../x: a path inside the share is meant"),
        (f"{CIFS} loop=/", "loop=/: a path inside the share is meant"),
        (f"{CIFS} panic=soon", "panic=soon: a number of seconds is meant"),
        (f"{CIFS} panic=inf", "panic=inf: a number of seconds is meant"),
        (f"{CIFS} rootdelay=nan", "rootdelay=nan: a number of seconds is meant"),
        (f"{CIFS} rd.retry=3min", "rd.retry=3min: a number of seconds is meant"),
        (f"{CIFS} rd.timeout=x", "rd.timeout=x: a number of seconds is meant"),
        (f"{CIFS} rd.break=lunch",
         "rd.break=lunch: one of drivers, network, share, container, overlay, root, switch is meant"),
        (f"{CIFS} rd.handoff=maybe", "rd.handoff=maybe: one of auto, ramdisk, supervise, none is meant"),
        (f"{CIFS} overlay=../x", "overlay=../x: tmpfs[:SIZE] or a path beside the root is meant"),
    ],
)  # fmt: skip
def test_one_mistake(text: str, mistake: str) -> None:
    assert mistakes(text) == (mistake,)


def test_all_mistakes_at_once() -> None:
    found = mistakes(
        "root=/dev/sda1 cifsroot=nas ip=1.2.3:::::: loop=.. rd.break=a,share,b panic=x rootdelay=y rd.retry=z "
        "rd.timeout=w rd.handoff=v"
    )
    assert [line.partition("=")[0] for line in found] == [
        "root", "cifsroot", "ip", "rd.break", "rd.break", "rd.handoff", "loop", "rootdelay", "panic", "rd.retry",
        "rd.timeout",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "root=//nas/share,username=anna,password=s3cret",  # the two confused
        "cifsroot=nas/share,password=s3cret panic=x",
        "cifsroot=//nas/share,passwd=s3cret panic=x",
        "cifsroot=//nas/share,password2=s3cret",
        "root=/dev/sda cifsroot=//nas/share,password=s3cret",
        "cifsroot=//nas/share rootflags=pass=s3cret loop=..",
    ],
)
def test_no_secret_in_a_mistake(text: str) -> None:
    assert not any("s3cret" in line for line in mistakes(text, "password=s3cret"))


def test_an_ipv6_address_becomes_a_name_that_a_unc_can_hold() -> None:
    expected = Share("//2001-db8--1.ipv6-literal.net/share/dir", "vers=3.1.1,hard,ip=2001:db8::1", "u", None, None)
    assert share("//[2001:DB8::1]/share/dir,user=u") == expected
    assert share("//2001:db8:0::1/share/dir,user=u") == expected
    assert share("//[fd00::1]/share,user=u,ip=fd00::2").options == "vers=3.1.1,hard,ip=fd00::2"
    for wrong in ("[1.2.3.4]", "[fd00::1", "fd00::1::2", "[]"):
        assert mistakes(f"cifsroot=//{wrong}/share")[0].endswith("is not an IPv6 address, as in //[2001:db8::1]/share")


def test_devices_to_be_made() -> None:
    assert read(f"{CIFS} bond=bond0:eth0 vlan=bond0.5:bond0").devices == (
        Bond("bond0", ("eth0",), (("mode", "balance-rr"), ("miimon", "100"))),
        Vlan("bond0.5", "bond0", 5),
    )
    assert read(CIFS).devices == ()
    assert mistakes(f"{CIFS} vlan=x:eth0 panic=y")[0].startswith("vlan=: 'x' does not end in a number")


@pytest.mark.parametrize(
    ("words", "fsck"),
    [
        ("", Fsck()),
        ("fsck.mode=force fsck.repair=no", Fsck("force", "no")),
        ("fastboot", Fsck("skip")),
        ("forcefsck", Fsck("force")),
        ("fastboot fsck.mode=auto", Fsck()),
    ],
)
def test_words_for_the_check(words: str, fsck: Fsck) -> None:
    assert read(f"{CIFS} {words}").fsck == fsck


@pytest.mark.parametrize("words", ["fsck.mode=maybe", "fsck.repair=perhaps", "fsck.mode"])
def test_mistakes_in_the_words_for_the_check(words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        read(f"{CIFS} {words}")
