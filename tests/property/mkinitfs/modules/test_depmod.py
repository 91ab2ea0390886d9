from __future__ import annotations

import fnmatch
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mkinitfs.errors import MkinitfsError
from mkinitfs.modules.closure import Closure, closure_of
from mkinitfs.modules.depmod import Aliases, Modules, normalise
from mkinitfs.modules.index import load_order
from mkinitfs.modules.info import parse
from tests.kernels import fake_kernel, fake_module

PATTERNS = st.text(alphabet="ab:-_*?", max_size=8)
NAMES = [f"m{number}" for number in range(7)]
Graph = dict[str, list[str]]


ALIASES = st.lists(st.tuples(PATTERNS, st.sampled_from(NAMES)), max_size=12)


@given(ALIASES, st.text(alphabet="ab:-_", max_size=8))
def test_filed_patterns_answer_like_a_scan(pairs: list[tuple[str, str]], alias: str) -> None:
    scan = [name for pattern, name in pairs if fnmatch.fnmatchcase(normalise(alias), normalise(pattern))]
    assert Aliases(pairs)[alias] == tuple(dict.fromkeys(scan))


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


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Graph, Graph]:
    """Hard dependencies without circles (as depmod demands) and softdeps of any shape."""
    hard = {
        name: draw(st.lists(st.sampled_from(NAMES[:rank]), unique=True)) if rank else []
        for rank, name in enumerate(NAMES)
    }
    soft = draw(st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), unique=True)))
    return hard, soft


def transitive(hard: Graph, name: str) -> list[str]:
    """As depmod writes a line: what to load last comes first."""
    order: dict[str, None] = {}
    for need in hard[name]:
        order.update(dict.fromkeys([*reversed(transitive(hard, need)), need]))
    return list(reversed(order))


def of_graph(folder: str, hard: Graph, soft: Graph) -> Closure:
    path = fake_kernel(
        Path(folder) / "6.6.6",
        {},
        dep="".join(f"{name}.ko: {' '.join(f'{need}.ko' for need in transitive(hard, name))}\n" for name in hard),
        softdep="".join(f"softdep {name} pre: {' '.join(wishes)}\n" for name, wishes in soft.items()),
    )
    return closure_of(Modules(path), [(name, "test") for name in NAMES])


@given(graphs())
def test_folded_softdeps_never_break_the_hard_order(graph: tuple[Graph, Graph]) -> None:
    hard, soft = graph
    with tempfile.TemporaryDirectory() as folder:
        closure = of_graph(folder, hard, soft)
        for name in NAMES:
            order = load_order(closure, name)
            assert order[-1] == name
            assert len(set(order)) == len(order)
            for place, module in enumerate(order):
                assert set(transitive(hard, module)) <= set(order[:place])
