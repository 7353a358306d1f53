"""Closures of the exchange as a job tells them: those in which there was something to ask, once."""

from __future__ import annotations

import pytest

from tests.waiting import PATIENCE, wait

SPAN = {"start": "2026-11-18", "end": "2026-11-19"}  # eight pages a market
REFUSED = {"reset": 1.0}


@pytest.mark.parametrize("known", [True, False])
def test_a_job_that_begins_while_the_exchange_is_away_tells_it_once(provider, exchange, known):
    if known:
        provider.get_market()
    exchange.set_faults(REFUSED)
    job = provider.backfill("KRW-BTC", "1m", **SPAN, show=False)
    wait(lambda: job.interruptions.height)
    exchange.set_faults({})
    assert job.wait(PATIENCE).complete
    (told,) = job.interruptions.rows(named=True)
    assert told["start"] <= told["end"] == told["closed"]
    assert "waiting" not in repr(job)


def test_a_job_that_is_paused_meanwhile_tells_of_no_closure(provider, exchange):
    job = provider.backfill("KRW-BTC", "1m", **SPAN, show=False)
    job.pause()
    exchange.set_faults(REFUSED)
    exchange.advance(120)
    exchange.set_faults({})
    job.resume()
    assert job.wait(PATIENCE).complete
    assert job.interruptions.is_empty()
