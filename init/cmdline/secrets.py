"""What on a kernel command line can be a secret, whether the words are understood or not: what is doubtful is one.

The log masks what is found here (system/log.py) before anything is parsed. A secret stands behind `password=` and its
like among options separated by commas, behind `user=NAME%` (mount.cifs(8) of old), in a parameter of its own
(dracut's `cifspass=`), or before an `@`, as in //user:password@server (RFC 3986, 3.2.1). Where it ends is not always
to be seen, so each end that it can have is taken.
"""

from __future__ import annotations

from init.system.escapes import undone
from init.system.log import MASK
from init.system.stdlib import Iterable

_PARAMETERS = ("cifspass", "pass", "passwd", "password", "passphrase", "pw", "pwd")
_TAGS = ("UUID", "LABEL", "PARTUUID", "PARTLABEL")  # of a disk, as root= of other machines has them


def is_password(key: str) -> bool:
    """Whether an option's or a parameter's value is a secret by its name; mount.cifs looks at no more than `pass`."""
    key = key.lower()
    return key.startswith("pass") or key in _PARAMETERS


def found(words: Iterable[tuple[str, str | None]]) -> set[str]:
    """Every text in the words' values (cmdline/words.py) that can be a secret."""
    secrets: set[str] = set()
    for name, value in words:
        if value and name.lower() in _PARAMETERS:
            secrets |= {value, *value.split(",")}
        elif value and name == "cifsuser":
            secrets.add(value.partition("%")[2])
        secrets |= in_text(value or name)
    return secrets - {""}


def in_credentials(text: str) -> set[str]:
    """What can be a secret in a file of mount.cifs(8)'s credentials: all but names."""
    secrets: set[str] = set()
    for line in text.split("\n"):
        key, equals, value = line.removesuffix("\r").lstrip().partition("=")
        if is_password(key.strip()) or not equals:
            secrets.add(value if equals else key)
        elif key.strip() in ("user", "username"):
            secrets.add(value.partition("%")[2])
    return secrets - {""}


def in_text(text: str) -> set[str]:
    """What can be a secret in one value."""
    if "=" not in text and "@" not in text:
        return set()
    return (_in_options(text) | _in_front_of_a_host(text)) - {""}


def shown(text: str) -> str:
    """As much of a share's or an export's name as may be told where it could not be understood: without options."""
    head = text.partition(",")[0]
    name, *values = head.split("=")
    return MASK if "@" in text or (values and (name not in _TAGS or len(values) > 1)) else head


def split(text: str) -> list[str]:
    """The options in `text`: a comma within a password is written twice (smb3_fs_context_parse_monolithic)."""
    words: list[str] = []
    rest = text
    while rest:
        word, _, rest = rest.partition(",")
        while is_password(word.partition("=")[0]) and "=" in word and rest.startswith(","):
            more, _, rest = rest[1:].partition(",")
            word = f"{word},{more}"
        words.append(word)
    return [word for word in words if word]


def _in_options(text: str) -> set[str]:
    secrets: set[str] = set()
    behind = False  # whether a password has come
    for word in text.split(","):
        key, _, value = word.partition("=")
        if passwords := _passwords(word):
            behind = True
            secrets |= {end for each in passwords for end in (each, each.strip('"'))}
            if not is_password(key):
                secrets |= {each.partition(mark)[0] for each in passwords for mark in ";&"}
        elif key in ("user", "username") and "%" in value:
            behind = True
            secrets.add(value.partition("%")[2])
        elif behind and not _option(word):
            secrets |= {word, key, value}
    if behind:
        for word in split(text):
            key, _, value = word.partition("=")
            if is_password(key):
                secrets |= {value, value.replace(",", ",,"), value.strip('"')}
    return secrets


def is_misplaced(text: str) -> bool:
    """Whether a password stands in what is one option, or a name, as if another mark than a comma parted the two."""
    return bool(_passwords(text))


def _passwords(word: str) -> list[str]:
    """What stands behind each name of a password in a word without commas, whatever mark is before that name."""
    pieces = word.split("=")
    ends = range(1, len(pieces))
    return ["=".join(pieces[end:]) for end in ends if is_password(_last_name(pieces[end - 1]))]


def _last_name(key: str) -> str:
    """The name before an `=` where options follow something by another mark than a comma."""
    for mark in "/:;?&":
        key = key.rpartition(mark)[2]
    return key


def _in_front_of_a_host(text: str) -> set[str]:
    secrets: set[str] = set()
    pieces = text.split("@")
    for number in range(1, len(pieces)):
        head = "@".join(pieces[:number])
        behind = head.partition("//")[2]
        for user in (head, behind):
            for mark in (":", "%"):
                secret = user.partition(mark)[2]
                if user == behind or not secret.startswith("/"):  # no more than a folder, as in server:/srv/@home
                    secrets |= {secret, undone(secret, "%"), *secret.split(":")}
    return secrets


def _option(word: str) -> bool:
    from init.cmdline import cifs_options  # late: few boots need it

    return cifs_options.known(word)
