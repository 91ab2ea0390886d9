"""What the manual tells people to type, typed."""

import subprocess
from pathlib import Path

from tests.command import ROOT
from tests.unit.files import put


def commands(page: str, word: str) -> str:
    """The example in a manual page that holds `word`, as it is shown."""
    blocks = (ROOT / "docs" / page).read_text().split(".ft CW\n")[1:]
    (found,) = [block for each in blocks if word in (block := each.partition(".ft\n")[0])]
    return found.replace(r"\-", "-").replace(r"\e", "\\")


def test_names_that_cifs_has_mapped_are_given_back(tmp_path: Path) -> None:
    """convert_to_sfm_char() in fs/smb/client/cifs_unicode.c says which character stands for which."""
    for name in (
        "info/libc6\uf022amd64.list",
        "a\uf020\uf021/b\uf023\uf024 \uf025\uf027/c\uf022",
        "kept\uf030",
        "\uf000",
    ):
        put(tmp_path / name, name)
    put(tmp_path / "a:b", "old")
    put(tmp_path / "a\uf022b", "new")
    subprocess.run(["sh", "-c", commands("mkinitfs.7", "find . ")], cwd=tmp_path, check=True)
    names = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert names == {"info/libc6:amd64.list", 'a"*/b<> ?|/c:', "kept\uf030", "\uf000", "a:b", "a\uf022b"}
    assert (tmp_path / "a:b").read_text() == "old"  # what has the name already is not overwritten
