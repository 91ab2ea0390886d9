import pytest

from mkinitfs.elf import script
from mkinitfs.errors import MkinitfsError


@pytest.mark.parametrize(
    ("line", "interpreter", "argument", "by_env"),
    [
        (b"#!/bin/sh\n", "/bin/sh", "", None),
        (b"#! /bin/busybox \t sh -e \nmore", "/bin/busybox", "sh -e", None),
        (b"#!/usr/bin/env python3\n", "/usr/bin/env", "python3", "python3"),
        (b"#!/usr/bin/env -S A=1 python3 -I\n", "/usr/bin/env", "-S A=1 python3 -I", "python3"),
        (b"#!/usr/bin/env", "/usr/bin/env", "", None),
    ],
)
def test_shebang(line: bytes, interpreter: str, argument: str, by_env: str | None) -> None:
    found = script.parse(line, "/s")
    assert found is not None
    assert (found.interpreter, found.argument, found.by_env) == (interpreter, argument, by_env)


@pytest.mark.parametrize("line", [b"#!\n", b"#!sh\n", b"#!/" + b"x" * 300])
def test_bad_shebang(line: bytes) -> None:
    assert script.parse(b"echo", "/s") is None
    with pytest.raises(MkinitfsError, match=r"^/s: "):
        script.parse(line, "/s")
