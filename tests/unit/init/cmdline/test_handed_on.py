"""What of the kernel's leavings the real init gets."""

from init.cmdline import handed_on


def test_the_environment_has_neither_our_words_nor_secrets() -> None:
    variables = {
        "HOME": "/", "TERM": "linux", "LANG": "de_DE.UTF-8", "ip": "dhcp", "cifsroot": "//s/x,password=p",
        "cifspass": "p", "nfsopts": "user=a,pass=p", "netroot": "cifs://a:p@s/x", "rd.retry": "3", "PASSWD": "p",
        "cifsrot": "//s/x,pass=p", "fetch": "http://a:p@s/x", "mail": "a@b", "flags": "user=a%p", "OPTS": "a=b,c",
    }  # fmt: skip
    locale = {"LANG": "ca_ES.UTF-8@valencia", "LC_ALL": "de_DE@euro"}
    assert handed_on.environment({**locale, "LANGPASS": "a:p@s"}) == locale
    assert handed_on.environment(variables) == {name: variables[name] for name in ("HOME", "TERM", "LANG", "OPTS")}


def test_the_arguments() -> None:
    assert handed_on.arguments(["single", "3", "bond", "nfsrootdebug", "//a:p@s/x", "x=y"]) == ("single", "3", "x=y")
