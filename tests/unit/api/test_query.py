"""The router's table of decisions, row by row."""

from __future__ import annotations

import pytest

from marketkit.api.query import choose_source


@pytest.mark.parametrize(
    ("memory", "feed", "store", "lake", "source"),
    [
        (None, None, False, False, "rest"),
        (None, None, False, True, "lake"),
        (None, None, True, False, "store"),
        (None, None, True, True, "store"),
        (None, 50, False, False, "feed"),
        (None, 50, True, True, "feed"),
        (50, None, False, False, "memory"),
        (50, None, True, True, "memory"),
        (50, 50, False, False, "memory"),
        (49, 50, False, False, "memory"),
        (51, 50, False, False, "feed"),
        (0, None, False, False, "memory"),
        (None, 0, False, False, "feed"),
        (0, 0, True, True, "memory"),
    ],
)
def test_the_cheapest_source_that_may_answer_does(memory, feed, store, lake, source):
    assert choose_source(memory=memory, feed=feed, store=store, lake=lake) == source
