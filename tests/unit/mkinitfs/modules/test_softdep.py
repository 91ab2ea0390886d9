from mkinitfs.modules.softdep import Softdep, parse_softdep, parse_softdeps, softdep_line


def test_words_are_sorted_by_kind() -> None:
    softdep = parse_softdep(["a", "pre:", "b", "c", "post:", "d", "pre:", "e"])
    assert softdep == Softdep(("b", "c", "e"), ("d",), ("a",))


def test_a_line_is_read_back_and_all_lines_of_a_module_count() -> None:
    softdep = Softdep(("a-b",), ("c",), ("d", "e"))
    text = softdep_line("m", softdep) + "# comment\nsoftdep m-n pre: x\nsoftdep m_n post: y\n"
    assert parse_softdeps(text) == {"m": softdep, "m_n": Softdep(("x",), ("y",))}
