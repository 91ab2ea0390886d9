"""PID 1's last word on a mistake of its own."""

import pytest

from init import __main__ as main
from init.system.places import CREDENTIALS

FILES = {"/proc/cmdline": "cifsroot=//s/x,user=a,password=kreide,,schwamm\n", CREDENTIALS: "password=tafel\n"}


def test_the_traceback_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "read_text", FILES.__getitem__)
    try:
        int("kreide,schwamm or tafel")
    except ValueError:
        told = main._traceback()
    assert told[0].startswith("Traceback")
    assert told[-1] == "ValueError: invalid literal for int() with base 10: '****** or ******'"


def test_where_secrets_cannot_be_looked_up_only_places_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "read_text", {}.__getitem__)
    try:
        int("kreide")
    except ValueError:
        told = main._traceback()
    assert len(told) == 1 and told[0].startswith('  File "')
