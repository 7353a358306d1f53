"""What was delivered, from where, and how fast."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest

from marketkit.api.metrics import Metrics, delivered, times
from marketkit.api.query import Result
from marketkit.api.status import Status, _groups
from marketkit.cache.activity import MarketActivity
from marketkit.cache.memory import Memory
from marketkit.errors import Offline
from marketkit.exchange.upbit.limits import UPBIT_LIMITS
from marketkit.realtime.health import StreamState


def status_of(counts):
    metrics = Metrics()
    for (kind, source), symbols in counts.items():
        metrics.count(kind, Result(pl.DataFrame(), {(source, 0): ["A"] * symbols}, {}), 0.1)
    return Status(
        "https://api.example",
        delivered(metrics),
        times([]),
        _groups({}, {"ticker": 9}, {"ticker": 10}),
        MarketActivity().explain(0),
        metrics.per_second(),
        Memory().stats(),
        None,
        datetime(2026, 1, 1, tzinfo=UTC),
        0.0,
    )


def test_the_share_without_a_request_is_that_of_symbols():
    status = status_of({("ticker", "rest"): 1, ("ticker", "memory"): 2, ("candle", "lake"): 1})
    assert status.symbols == 4
    assert status.hit_rate == 0.75
    rates = dict(zip(status.delivered["kind"], status.delivered["hit_rate"], strict=True))
    assert rates == {"candle": 1.0, "ticker": pytest.approx(2 / 3)}
    assert "4 symbols, 75.0% without a request" in repr(status)


def test_a_provider_that_delivered_nothing_says_so():
    status = status_of({})
    assert status.hit_rate is None
    assert "delivered    nothing yet" in repr(status)
    assert "lives        no market seen yet" in repr(status)
    assert "store        none at this endpoint" in repr(status)


def test_a_status_is_plain_values_too():
    plain = status_of({("ticker", "rest"): 1}).as_dict()
    assert plain["delivered"][0]["rest"] == 1
    assert json.loads(json.dumps(plain)) == plain


def test_a_status_is_taken_of_what_a_provider_did(offline):
    with pytest.raises(Offline):
        offline.get_ticker("KRW-BTC")
    status = offline.status()
    assert status.endpoint == offline.twin._endpoint
    assert status.symbols == 0
    assert dict(zip(status.requests["group"], status.requests["requests"], strict=True)) == (
        dict.fromkeys(UPBIT_LIMITS, 0)
    )
    assert (status.requests["left"] <= status.requests["limit"]).all()


def test_a_status_says_how_the_stream_is():
    status = status_of({("ticker", "memory"): 1})
    assert "stream       never opened" in repr(status)
    assert status.as_dict()["stream"] is None
    state = StreamState(
        connected=False, streams=2, frames=0, connects=3, refused=3, wrong=0, unknown={},
        trouble="HTTP 429", quiet=7.0,
    )  # fmt: skip
    told = replace(status, stream=state)
    assert "stream       nothing for 7s: HTTP 429" in repr(told)
    assert told.as_dict()["stream"]["trouble"] == "HTTP 429"
