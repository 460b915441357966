"""Ctrl-C that waits for the end of a step, so that what is saved is never half a step."""

import signal
import threading
from types import FrameType

from simpsons.training import parallel


class Stopped(KeyboardInterrupt):
    """Ctrl-C, raised between two steps."""


class Interrupt:
    """While it is entered, the first Ctrl-C is only noted; the second one acts at once.

    Of several processes, all stop at the same step. There, one Ctrl-C arrives twice, from the
    terminal and from torchrun, so all after the first are ignored, until the process ends.
    """

    def __init__(self) -> None:
        self._asked = False
        self._main = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> "Interrupt":
        if self._main:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if self._main and not (self._asked and parallel.launched()):
            signal.signal(signal.SIGINT, self._before)

    def check(self) -> None:
        """Raise Stopped if Ctrl-C was pressed, in whichever process."""
        if parallel.any_of(self._asked):
            raise Stopped

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True
        again = signal.SIG_IGN if parallel.launched() else signal.default_int_handler
        signal.signal(signal.SIGINT, again)
