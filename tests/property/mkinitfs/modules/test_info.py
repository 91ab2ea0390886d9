from hypothesis import given
from hypothesis import strategies as st

from mkinitfs.errors import MkinitfsError
from mkinitfs.modules.info import parse
from tests.kernels import fake_module


@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.text("abc =.*/", max_size=9)))
def test_modinfo_reads_what_was_written(records: dict[str, str]) -> None:
    data = fake_module(*(f"{key}={value}" for key, value in records.items()))
    assert parse(data, "x.ko") == {key: (value,) for key, value in records.items()}


@given(st.binary(max_size=200), st.integers(0, 300), st.booleans())
def test_garbled_modules_give_records_or_our_error(noise: bytes, at: int, alone: bool) -> None:
    whole = fake_module("license=GPL", "firmware=a.bin")
    try:
        parse(noise if alone else whole[:at] + noise + whole[at + len(noise) :], "x.ko")
    except MkinitfsError as error:
        assert error.message.startswith("x.ko: ")
