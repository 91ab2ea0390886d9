"""A share's options where a container lies on it."""

import pytest

from init.cmdline.cifsroot import reaching_the_server


@pytest.mark.parametrize(
    ("lease", "options", "reaching"),
    [
        ("on", "vers=3.1.1,hard", "vers=3.1.1,hard,nolease"),
        ("on", "vers=3.1.1,nolease", "vers=3.1.1,nolease"),
        ("on", "vers=1.0,unix", "vers=1.0,unix"),
        ("off", "vers=3.1.1", "vers=3.1.1"),
        ("ro", "vers=3.1.1", "vers=3.1.1,nolease"),
    ],
)
def test_a_client_keeps_no_lock_to_itself(lease: str, options: str, reaching: str) -> None:
    assert reaching_the_server(options, lease) == reaching
