"""How long an answer may take."""

from __future__ import annotations

import threading

import pytest

from marketkit.sandbox import patience
from marketkit.sandbox.patience import TooLong, within


def test_outside_a_limit_anything_may_take_for_ever():
    patience.take(1e9)


def test_work_that_would_take_longer_than_is_left_is_refused():
    with within(60.0):
        patience.take(1.0)
        with pytest.raises(TooLong):
            patience.take(61.0)
    patience.take(61.0)


def test_a_limit_is_that_of_its_own_thread():
    free = threading.Event()

    def work():
        patience.take(1e9)
        free.set()

    with within(0.0):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert free.is_set()
