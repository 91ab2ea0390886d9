"""`cifsroot=//server/share[/dir][,options]`: the share that the root lies on, secrets taken out of the options.

The grammar is that of the kernel's cifsroot document and of fs/smb/client/cifsroot.c; options are mount.cifs(8)'s.
"""

from __future__ import annotations

from init.system.stdlib import NamedTuple

# A root file system must wait for its server rather than lose data ("hard"), and SMB1 is off in every server of
# today, so 3.1.1 is asked for. Where the share itself is the root, boot/share_root.py tries others, too.
DEFAULT_VERSION = "vers=3.1.1"
DEFAULTS = (("vers", DEFAULT_VERSION), ("hard", "hard"))
_NO_NAME = {"guest", "cred", "credentials"}  # with one of these, mount.cifs wants no user name


class Secret(str):
    """Text that no report shows by accident."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'******'"


class Share(NamedTuple):
    """A share, and who uses it; None is what nobody has said."""

    unc: str  # //server/share[/folder]
    options: str  # mount.cifs(8)'s, without what stands in the fields below
    username: str | None
    password: Secret | None
    domain: str | None
    version_given: bool = False  # whether vers= among the options is the command line's, not the default


def parse(value: str, rootflags: str, image_credentials: str, mistakes: list[str]) -> Share:
    """Take `//server/share[/dir][,options]` apart (fs/smb/client/cifsroot.c); mistakes are appended.

    What the user gives wins over the defaults; a user name given there makes the image's credentials unused.
    """
    unc, _, text = value.partition(",")
    unc = unc.replace("\\", "/").rstrip("/")
    server, _, path = unc[2:].partition("/")
    if not unc.startswith("//") or not server or not path.strip("/"):
        mistakes.append(f"cifsroot={unc}: //server/share[/folder][,options] is meant")
    options, username, password, domain = _options(f"{text},{rootflags}", mistakes)
    if server[:1] == "[" or server.count(":") > 1:
        unc = _six(server, path, options, mistakes)
    names = {word.partition("=")[0] for word in options}
    if username is None and not names & _NO_NAME and "sec=none" not in options:
        packed = parse_credentials(image_credentials)
        username = packed.get("username")
        password = packed.get("password") if password is None else password
        domain = domain or packed.get("domain")
    if username is None and not names & {*_NO_NAME, "sec"}:
        options.append("guest")  # mount.cifs would ask for a password on a terminal that is not there
    missing = [word for key, word in DEFAULTS if key not in names and not (key == "hard" and "soft" in names)]
    secret = None if password is None else Secret(password)
    return Share(unc, ",".join([*missing, *options]), username, secret, domain, "vers" in names)


def _options(text: str, mistakes: list[str]) -> tuple[list[str], str | None, str | None, str | None]:
    """The options that may be shown; then user name, password and domain, which stood among them."""
    username, password, domain = None, None, None
    options: list[str] = []
    for word in filter(None, text.split(",")):
        key, _, given = word.partition("=")
        if key in ("user", "username"):
            # DOMAIN\user and DOMAIN/user, as mount.cifs(8) allows
            head, slash, tail = given.replace("\\", "/").partition("/")
            username, domain = (tail, head) if slash else (given, domain)
        elif key in ("pass2", "password2"):
            mistakes.append(f"cifsroot=: {key}= cannot be kept secret; one password is taken, password=")
        elif key.startswith("pass"):  # mount.cifs, too, looks no further
            password = given
        elif key in ("dom", "domain", "workgroup"):
            domain = given
        else:
            options.append(word)
    return options, username, password, domain


def with_user(share: Share, options: str) -> str:
    """`options` and the share's user, for mount.cifs."""
    named = (("username", share.username), ("domain", share.domain))
    return ",".join([options, *(f"{name}={value}" for name, value in named if value is not None)])


def _six(server: str, path: str, options: list[str], mistakes: list[str]) -> str:
    """A share's name with an IPv6 address in it: as Windows' name for such a server, the address as an option.

    A UNC name cannot hold colons ([MS-DTYP] 2.2.57), so both ends know 2001-db8--1.ipv6-literal.net instead.
    """
    from init.wire import ip6  # late: few boots need it

    address = ip6.packed(server.removeprefix("[").removesuffix("]"))
    if address is None or (server[:1] == "[") != (server[-1:] == "]"):
        mistakes.append(f"cifsroot=//{server}/{path}: {server!r} is not an IPv6 address, as in //[2001:db8::1]/share")
        return f"//{server}/{path}"
    text = ip6.text(address)
    if not any(word.startswith(("ip=", "addr=")) for word in options):
        options.append(f"ip={text}")
    return f"//{text.replace(':', '-')}.ipv6-literal.net/{path}"


def parse_credentials(text: str) -> dict[str, str]:
    """Read a mount.cifs(8) credentials file into the keys username, password and domain."""
    names = {"user": "username", "pass": "password", "dom": "domain", "workgroup": "domain"}
    credentials = {}
    for line in text.split("\n"):
        key, equals, value = line.lstrip().partition("=")
        if equals:
            credentials[names.get(key.strip(), key.strip())] = value.removesuffix("\r")
    return credentials


def reaching_the_server(options: str, lease: str) -> str:
    """mount.cifs's options for a share with a container: with them each lock is told to the server at once.

    A client that was granted an SMB lease or oplock on a file keeps its locks on it to itself, until the server takes
    that back because of another client; some servers do not (field notes on ksmbd). `nolease` asks for none. SMB 1
    does not know the option (fs/smb/client/connect.c). `lease` is rd.lease='s word.
    """
    words = options.split(",")
    if lease == "off" or {"nolease", "vers=1.0", "vers=1", "nobrl"} & set(words):
        return options
    return f"{options},nolease"
