"""The calls about the lake: frames by the provider's defaults, requests read before they begin."""

from __future__ import annotations

import pytest

from marketkit.errors import InputError, UnknownSymbol, WrongArgument
from marketkit.timeframe import DAY, HOUR, MINUTE, parse_time


def test_a_start_that_counts_back_is_a_whole_slot_so_that_jobs_are_the_same(provider):
    first, again = (provider._wanted("KRW-BTC", "1m", "-1h", None) for _ in range(2))
    assert first.start % MINUTE == 0
    assert again.start - first.start in {0, MINUTE}  # the next minute may just have begun
    absolute = provider._wanted("KRW-BTC", "1m", "2026-11-19T00:00:30Z", None)
    assert absolute.start == parse_time("2026-11-19T00:00:30Z")  # as it was typed


def test_without_an_exchange_a_range_counts_back_by_the_machines_clock(offline):
    wanted = offline._wanted("KRW-BTC", "1h", "-1d", "-1h")
    assert DAY <= offline.twin._transport.now() - wanted.start < DAY + 2 * HOUR


def test_a_wrong_request_is_refused_before_it_begins(offline):
    with pytest.raises(InputError):
        offline.backfill("KRW-BTC", "1m", start="30d")
    with pytest.raises(UnknownSymbol):
        offline.backfill("../x", "1m", start="-1d")
    with pytest.raises(WrongArgument, match=r"backfill\(\) needs start, such as start='-30d'"):
        offline.backfill("KRW-BTC", "1m")
    with pytest.raises(InputError, match="frame='panda'"):
        offline.iter_candle("KRW-BTC", "1m", start="-1d", frame="panda")
