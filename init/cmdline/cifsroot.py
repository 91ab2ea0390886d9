"""`cifsroot=//server/share[/dir][,options]`: the share that the root lies on, secrets taken out of the options.

The grammar is that of the kernel's cifsroot document and of fs/smb/client/cifsroot.c; options are mount.cifs(8)'s.
dracut's root=cifs://user:password@server/share and its smb:// mean the same; in these names are percent-encoded.
"""

from __future__ import annotations

from init.cmdline.secrets import is_misplaced, is_password, shown, split
from init.system.escapes import undone
from init.system.stdlib import NamedTuple

# A root file system must wait for its server rather than lose data ("hard"), and SMB1 is off in every server of
# today, so 3.1.1 is asked for. Where the share itself is the root, boot/share_root.py tries others, too.
DEFAULT_VERSION = "vers=3.1.1"
DEFAULTS = (("vers", DEFAULT_VERSION), ("hard", "hard"))
_NO_NAME = {"guest", "cred", "credentials"}  # with one of these, mount.cifs wants no user name
_SCHEMES = ("cifs:", "smb:")


class Secret(str):
    """Text that no report shows by accident."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'******'"


class Login(NamedTuple):
    """Who uses a share; None is what nobody has said."""

    username: str | None = None
    password: str | None = None
    domain: str | None = None

    def over(self, other: Login) -> Login:
        """This one, and from `other` what it leaves open."""
        return Login(*(theirs if mine is None else mine for mine, theirs in zip(self, other, strict=True)))


class Share(NamedTuple):
    """A share, and who uses it; None is what nobody has said."""

    unc: str  # //server/share[/folder]
    options: str  # mount.cifs(8)'s, without what stands in the fields below
    username: str | None
    password: Secret | None
    domain: str | None
    version_given: bool = False  # whether vers= among the options is the command line's, not the default


NOWHERE = Share("", "", None, None, None)


class Given(NamedTuple):
    """What the command line says of a share, not yet taken apart."""

    parameter: str  # that names it: cifsroot, root, ...
    value: str
    flags: tuple[str, ...] = ()  # options given elsewhere
    otherwise: Login = Login()  # who is meant where the share and its options leave it open


def is_url(value: str) -> bool:
    """Whether a word that may name something else begins as a share's URL does."""
    return value.lower().startswith(_SCHEMES)


def parse(given: Given, image_credentials: str, mistakes: list[str]) -> Share:
    """Take `//server/share[/dir][,options]` apart (fs/smb/client/cifsroot.c); mistakes are appended.

    What the user gives wins over the defaults; a user name given there makes the image's credentials unused.
    """
    place = _place(given, mistakes)
    if place is None:
        return NOWHERE
    login, server, path, text = place
    misplaced = f"{given.parameter}=: a password stands where it would be shown: commas separate the options"
    if is_misplaced(f"{server}/{path}"):
        mistakes.append(misplaced)
        return NOWHERE
    if "%" in (folder := path.partition("/")[2]):
        from init.cmdline import placeholders  # late: few boots need it

        if mistake := placeholders.mistake(folder):
            mistakes.append(f"{given.parameter}=//{server}/{path}: {mistake}")
    options: list[str] = []
    for part in (text, *given.flags):
        login = _options(part, options, mistakes).over(login)
    login = login.over(given.otherwise)
    unc = _unc(given.parameter, server, path, options, mistakes)
    if any(is_misplaced(text) for text in (*options, login.username or "", login.domain or "")):
        mistakes.append(misplaced)
    names = {word.partition("=")[0] for word in options}
    if login.username is None and not names & _NO_NAME and "sec=none" not in options:
        packed = parse_credentials(image_credentials)
        login = login.over(Login(None, packed.get("password"), packed.get("domain"))).over(who(packed.get("username")))
    if login.username is None and not names & {*_NO_NAME, "sec"}:
        options.append("guest")  # mount.cifs would ask for a password on a terminal that is not there
    if "," in f"{login.username}{login.domain}":
        mistakes.append(f"{given.parameter}=: mount.cifs cannot be told a user or domain with a comma in its name")
    missing = [word for key, word in DEFAULTS if key not in names and not (key == "hard" and "soft" in names)]
    secret = None if login.password is None else Secret(login.password)
    return Share(unc, ",".join([*missing, *options]), login.username, secret, login.domain, "vers" in names)


def _place(given: Given, mistakes: list[str]) -> tuple[Login, str, str, str] | None:
    """Who, server, path and options of [cifs:]//[user[:password]@]server[:port]/share[/folder][,options]."""
    url = is_url(given.value)
    text = given.value.partition(":")[2] if url else given.value
    if text.startswith("\\\\"):
        unc, comma, options = text.partition(",")
        text = unc.replace("\\", "/") + comma + options
    authority, slash, tail = text[2:].partition("/")
    who, at, server = authority.rpartition("@")
    if not at:
        server, backslash, more = server.partition("\\")
        tail = f"{more}{slash}{tail}" if backslash else tail
    # A password with a slash in it looks like a port, or like a server, and a folder; one of the options, like a user.
    doubtful = "@" in tail and not authority.endswith("]") and set(":%[") & set(authority)
    doubtful = doubtful or set(",=") & set(who.partition(":")[0])
    path, _, options = tail.partition(",")
    path = path.replace("\\", "/").rstrip("/")
    if not text.startswith("//") or not server or "," in server or not path.strip("/") or doubtful:
        mistakes.append(
            f"{given.parameter}={shown(given.value).rstrip('/')}: //server/share[/folder][,options] is meant"
            + ("; in a URL / and @ of a password are %2F and %40" if "@" in given.value else "")
        )
        return None
    return _userinfo(who, url) if at else Login(), server, undone(path, "%") if url else path, options


def _userinfo(text: str, url: bool) -> Login:
    """`[domain;]user[:password]` (the smb scheme's), where it stands in front of a server."""
    name, colon, password = text.partition(":")
    if not url and "%" in name:
        name, colon, password = text.partition("%")
    domain, semicolon, user = name.rpartition(";")

    def read(part: str) -> str:
        return undone(part, "%") if url else part

    login = Login(None, read(password) if colon else None, read(domain) if semicolon else None)
    return login.over(who(read(user) if user else None))


def who(text: str | None) -> Login:
    """`[domain\\]user[%password]`, as mount.cifs(8) takes a user's name."""
    if text is None:
        return Login()
    name, percent, password = text.partition("%")
    head, slash, tail = name.replace("\\", "/").partition("/")
    return Login(tail if slash else name, password if percent else None, head if slash else None)


def _options(text: str, options: list[str], mistakes: list[str]) -> Login:
    """Append the options that may be shown; answers who stood among them."""
    login, behind, stray = Login(), False, False
    for word in split(text):
        key, _, given = word.partition("=")
        if key in ("user", "username"):
            login, behind = who(given).over(login), behind or "%" in given
        elif key in ("pass2", "password2"):
            mistakes.append(f"cifsroot=: {key}= cannot be kept secret; one password is taken, password=")
        elif is_password(key):
            login, behind = login._replace(password=given), True
        elif key in ("dom", "domain", "workgroup"):
            login = login._replace(domain=given)
        elif behind and not _known(word):
            stray = True  # it may be the rest of a password
        else:
            options.append(word)
    if stray:
        mistakes.append(
            "cifsroot=: what stands behind the password is no option that is known here: a comma in a password is "
            "written twice, and an option that mkinitfs does not know belongs in front of password="
        )
    return login


def _known(word: str) -> bool:
    from init.cmdline import cifs_options  # late: few boots need it

    return cifs_options.known(word)


def _unc(parameter: str, server: str, path: str, options: list[str], mistakes: list[str]) -> str:
    """//server/path; a port behind the server becomes an option, and so does an IPv6 address."""
    head, colon, port = server.rpartition(":")
    if colon and (head[-1:] == "]" or (":" not in head and head[:1] != "[")):
        if port and not (port.isascii() and port.isdigit()):
            mistakes.append(f"{parameter}=: what stands behind the server's colon is no port")
        server = head
        if port and not any(word.startswith("port=") for word in options):
            options.append(f"port={port}")
    if server[:1] == "[" or ":" in server:
        return _six(server, path, options, mistakes)
    return f"//{server}/{path}"


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


def with_user(share: Share, options: str) -> str:
    """`options` and the share's user, for mount.cifs."""
    named = (("username", share.username), ("domain", share.domain))
    return ",".join([options, *(f"{name}={value}" for name, value in named if value is not None)])


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
