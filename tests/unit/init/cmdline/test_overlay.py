"""overlay=: what it says, and what is wrong with it."""

import pytest

from init.cmdline import overlay
from init.cmdline.overlay import Overlay


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        ("tmpfs", Overlay("", "")), ("tmpfs:512M", Overlay("", "512M")), ("tmpfs:2g", Overlay("", "2g")),
        ("tmpfs:50%", Overlay("", "50%")), ("own/%m.img", Overlay("own/%m.img", str(8 << 30))),
        ("/own//./%h.img:500M", Overlay("own/%h.img", str(500 << 20))), ("%i:2T", Overlay("%i", str(2 << 40))),
        ("100%%:4194304", Overlay("100%%", str(4 << 20))), ("./tmpfs", Overlay("tmpfs", str(8 << 30))),
    ],
)  # fmt: skip
def test_values(value: str, asked: Overlay) -> None:
    assert overlay.parse(value) == asked


@pytest.mark.parametrize(
    ("value", "mistake"),
    [
        ("tmpfs:", "a size is"), ("tmpfs:lots", "a size is"), ("tmpfs:0%", "a size is"), ("tmpfs:101%", "a size is"),
        ("tmpfs:%", "a size is"), ("tmpfs:0", "a size is"),
        ("", "a path beside the root"), ("/", "a path beside the root"), ("own/", "a path beside the root"),
        ("../own.img", "a path beside the root"),
        ("own/%n.img", "%n is none of"),
        ("own/%", "% is none of"),
        ("own.img:8", "a container's size"), ("own.img:8Q", "a container's size"), ("own.img:", "a container's size"),
        ("own.img:-8G", "a container's size"), ("own.img:٣G", "a container's size"),
    ],
)  # fmt: skip
def test_mistakes(value: str, mistake: str) -> None:
    with pytest.raises(ValueError, match=mistake) as caught:
        overlay.parse(value)
    assert str(caught.value).startswith(f"overlay={value}: ")
