"""A fuzzer for readers of packets: real traffic, taken apart and put together wrongly.

Random bytes are stopped by the first check of a reader. So each example begins with a frame that is right and is
damaged at the places that say something: lengths, types, counts; cut, extended, or with a piece of another; and the
checksums are made right again, so that what lies behind them is reached. A reader may refuse (its own error only)
or take it; what it takes has to be what its values promise. Bounded: some hundreds of examples a reader.
"""

from hypothesis import settings
from hypothesis import strategies as st

fuzzing = settings(max_examples=300, deadline=None)


@st.composite
def damaged(draw: st.DrawFn, good: bytes, first: int = 0) -> bytes:
    """`good`, wrong from the byte `first` on: bytes that are extreme, pieces lost, doubled or moved."""
    data = bytearray(good)
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(min(first, len(data)), len(data)))
        size = draw(st.integers(0, 40))
        match draw(st.sampled_from(("set", "set", "set", "cut", "drop", "double", "insert"))):
            case "set" if at < len(data):
                data[at] = draw(st.sampled_from((0, 1, 4, 53, 63, 64, 127, 128, 192, 254, 255)) | st.integers(0, 255))
            case "cut":
                del data[at:]
            case "drop":
                del data[at : at + size]
            case "double":
                data[at:at] = data[at : at + size]
            case "insert":
                data[at:at] = draw(st.binary(max_size=size))
    return bytes(data)
