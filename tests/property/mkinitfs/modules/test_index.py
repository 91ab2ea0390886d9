import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mkinitfs.modules.closure import Closure, closure_of
from mkinitfs.modules.depmod import Modules
from mkinitfs.modules.index import load_order
from tests.kernels import fake_kernel

NAMES = [f"m{number}" for number in range(7)]
Graph = dict[str, list[str]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Graph, Graph]:
    """Hard dependencies without circles (as depmod demands) and softdeps of any shape."""
    lower = (
        st.lists(st.sampled_from(NAMES[:rank]), unique=True) if rank else st.just([]) for rank in range(len(NAMES))
    )
    hard = {name: draw(names) for name, names in zip(NAMES, lower, strict=True)}
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
            assert order[-1] == name and len(set(order)) == len(order)
            for place, module in enumerate(order):
                assert set(transitive(hard, module)) <= set(order[:place])
