"""The one exception that the library raises for everything a user can mend."""

from typing import Self


class MkinitfsError(Exception):
    """A failure to show to the user: `message` reads `subject: reason`, `hint` names the next step.

    Library code raises it, console.py prints it, and only the command line turns it into exit code 1.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @classmethod
    def of(cls, subject: object, error: OSError, hint: str = "") -> Self:
        """What the system says about `subject`, a path mostly: "/x: No space left on device"."""
        return cls(f"{subject}: {error.strerror or error}", hint)
