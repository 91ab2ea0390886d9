"""What every test sees."""

import os

import pytest

# mke2fs, smbd, depmod and their like lie in /usr/sbin, which is not on an unprivileged user's path.
os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is marked `matrix` is run where -m asks for it (`make matrix`), and not by `make test`."""
    if "matrix" not in config.option.markexpr:
        larger = [item for item in items if item.get_closest_marker("matrix")]
        items[:] = [item for item in items if item not in larger]
        config.hook.pytest_deselected(items=larger)
