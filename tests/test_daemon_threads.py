"""The threads of the daemon give way to each other soon."""

import sys
from collections.abc import Iterator

import pytest

from commsd.daemon import TURN_OF_A_THREAD, share_the_interpreter

PYTHONS_OWN = 0.005


@pytest.fixture
def default_interval() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(PYTHONS_OWN)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("default_interval")
def test_a_thread_that_counts_keeps_the_interpreter_a_tenth_of_the_time_it_might() -> None:
    share_the_interpreter()
    assert sys.getswitchinterval() == pytest.approx(TURN_OF_A_THREAD)
    assert PYTHONS_OWN / 10 >= TURN_OF_A_THREAD
