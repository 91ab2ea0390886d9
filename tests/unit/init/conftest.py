"""A log whose lines for the kernel come to lie in tmp_path/kmsg."""

from pathlib import Path

import pytest

from init.system.log import Log


@pytest.fixture
def log(tmp_path: Path) -> Log:
    (tmp_path / "kmsg").touch()
    return Log(str(tmp_path / "kmsg"))
