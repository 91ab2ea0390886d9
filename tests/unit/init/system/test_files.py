"""Small files read and written, and what cannot be."""

from pathlib import Path

from init.system.files import read_text, write_text


def test_read_text(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"caf\xe9\n")
    assert read_text(str(tmp_path / "a")) == "caf\udce9\n"
    assert read_text(str(tmp_path / "b")) == read_text(str(tmp_path)) == ""


def test_write_text(tmp_path: Path) -> None:
    assert write_text(str(tmp_path / "a"), "caf\udce9\n")
    assert (tmp_path / "a").read_bytes() == b"caf\xe9\n"
    assert not write_text(str(tmp_path), "x")
    assert not write_text("/dev/full", "x")
