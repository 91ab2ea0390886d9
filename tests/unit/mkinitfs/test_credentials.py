"""Credentials: what is taken, and that no complaint repeats a word of the file."""

import traceback

import pytest

from mkinitfs import credentials
from mkinitfs.errors import MkinitfsError


@pytest.mark.parametrize(
    ("text", "packed"),
    [
        ("username=u\npassword=p\n", b"username=u\npassword=p\n"),
        ("dom=D\r\npass= with space \r\nuser=u", b"username=u\npassword= with space \ndomain=D\n"),
        ("# a note\n\n  workgroup = W\nusername=\xe4", "username=ä\ndomain= W\n".encode()),
        ("username=u\npassword=a=b,c", b"username=u\npassword=a=b,c\n"),
    ],
)
def test_one_spelling_one_order(text, packed):
    assert credentials.parse(text, "f") == packed


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("password=hunter2", "no username"),
        ("username=\npassword=hunter2", "no username"),
        ("username=u\nhunter2", "line 2: not of the form key=value"),
        ("username=u\nhunter2=x\npassword=a\npassword=hunter2",
         "line 2: unknown key; line 4: password for a second time"),
        ("username=u\npassword=hunter2\0", "line 2: holds a NUL byte"),
        ("username=u,hunter2\ndomain=D,hunter2",
         "line 1: a comma in the username, which mount.cifs cannot be told; "
         "line 2: a comma in the domain, which mount.cifs cannot be told"),
    ],
)  # fmt: skip
def test_complaints_name_the_line_and_nothing_in_it(text, complaint):
    with pytest.raises(MkinitfsError) as caught:
        credentials.parse(text, "f")
    assert caught.value.message == f"credentials f: {complaint}"
    assert caught.value.hint.startswith("expected: username=NAME")
    assert "hunter2" not in caught.value.message + caught.value.hint


def test_a_file_that_others_can_read_is_a_warning(tmp_path):
    path = tmp_path / "c"
    path.write_text("username=u\npassword=hunter2\n")
    path.chmod(0o644)
    found = credentials.load(path)
    assert found.warnings == (f"credentials {path}: others can read the file, chmod 600 would keep it private",)
    path.chmod(0o600)
    assert credentials.load(path).warnings == ()
    assert "hunter2" not in repr(found)


def test_a_file_of_a_windows_editor(tmp_path):
    path = tmp_path / "c"
    path.write_bytes(b'\xef\xbb\xbfusername=u\r\npassword= "p,\xc3\xa4"=\r\n')
    assert credentials.load(path).data == 'username=u\npassword= "p,ä"=\n'.encode()


def test_unreadable_text_shows_no_byte_of_it(tmp_path):
    path = tmp_path / "c"
    path.write_bytes(b"username=u\npassword=hunter2\xff\n")
    with pytest.raises(MkinitfsError, match="not UTF-8 text") as caught:
        credentials.load(path)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(MkinitfsError, match=f"^credentials {tmp_path}/none: No such file or directory$"):
        credentials.load(tmp_path / "none")
