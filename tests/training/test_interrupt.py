import os
import signal
import sys

import pytest

from simpsons.training.interrupt import Interrupt

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends itself SIGINT")


def test_ctrl_c_waits_for_the_next_check():
    before = signal.getsignal(signal.SIGINT)
    with Interrupt() as interrupt:
        interrupt.check()
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupt.check()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_acts_at_once():
    with Interrupt():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
