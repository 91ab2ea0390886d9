"""The C modules behind `socket` and `signal`, without what importing those costs.

Under emulation `socket` takes 60 ms of PID 1's start and `signal` 40, nearly all of it for enumerations and selectors
that nothing here uses. The C modules are there in every CPython; the type checker sees the documented ones. They are
not in stdlib.py, which the pure rooms import.
"""

from init.system.stdlib import TYPE_CHECKING

if TYPE_CHECKING:
    import signal
    import socket
else:
    import _signal as signal
    import _socket as socket

__all__ = ["signal", "socket"]
