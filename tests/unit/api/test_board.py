"""A board is drawn in steps, whoever takes them, and lets go of the feed at any end."""

from __future__ import annotations

import asyncio

import pytest

from marketkit.api.board import _check, board_steps, take
from marketkit.errors import InputError, Offline


def steps_of(log, *, fails=None):
    async def ask():
        log.append("asked")
        if fails is not None:
            raise fails
        return 7

    def steps():
        try:
            log.append((yield ask()))
            yield ask()
        finally:
            yield ask()
            log.append("ended")

    return steps()


def test_steps_are_sent_their_answers():
    log = []
    take(steps_of(log))
    assert log == ["asked", 7, "asked", "asked", "ended"]


def test_a_failure_is_raised_after_the_last_steps():
    log = []
    with pytest.raises(ValueError, match="no"):
        take(steps_of(log, fails=ValueError("no")))
    assert log[0] == "asked"


@pytest.mark.parametrize("rows", [0, -1, 2.5, True, "10"])
def test_rows_are_a_number_of_rows(rows):
    with pytest.raises(InputError, match="rows="):
        _check(rows, None)


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
def test_seconds_are_above_zero(seconds):
    with pytest.raises(InputError, match="seconds="):
        _check(None, seconds)


def test_a_provider_that_sends_nothing_has_no_board(offline):
    with pytest.raises(Offline):
        offline.board("KRW-*", seconds=1)
    with pytest.raises(Offline):
        asyncio.run(offline.twin.board("KRW-*", seconds=1))


def test_options_without_a_value_are_left_to_the_feed():
    asked = {}

    class Provider:
        """A provider that notes what a feed is opened with."""

        def watch(self, symbols, channel, **options):
            """Note it."""
            asked.update(options, symbols=symbols, channel=channel)

    next(board_steps(Provider(), "KRW-*", rows=3, tz=None, priority="low"))
    assert asked == {"symbols": "KRW-*", "channel": "ticker", "frame": "polars", "priority": "low"}
