"""Streams that are refused, before any is opened."""

from __future__ import annotations

import asyncio

import pytest

from marketkit.api.query import CallOptions
from marketkit.api.stream_options import Again
from marketkit.api.streams import Streams
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.lake.lake import Lake
from marketkit.errors import InputError, Offline, UnknownTimeframe


@pytest.fixture
def streams(transport, markets, tmp_path):
    return Streams(GapFiller(Lake(tmp_path / "lake"), transport, 60_000), markets)


@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.watch("KRW-BTC", "price", CallOptions()),
        lambda s: s.live("KRW-BTC", "1m", "soon", CallOptions(), show=False),
        lambda s: s.record("KRW-BTC", [], "here", CallOptions()),
        lambda s: s.record("KRW-BTC", ["trade", "price"], "here", CallOptions()),
    ],
)
def test_streams_that_do_not_exist_are_refused_before_any_is_opened(streams, call):
    with pytest.raises(InputError):
        asyncio.run(call(streams))
    assert streams.hot("ticker", ["KRW-BTC"], 1) is None


@pytest.mark.parametrize("timeframe", ["1d", "2m"])
def test_a_width_that_is_not_streamed_is_refused(streams, timeframe):
    with pytest.raises((InputError, UnknownTimeframe)):
        asyncio.run(streams.live("KRW-BTC", timeframe, "1d", CallOptions(), show=False))


def test_a_provider_that_is_offline_opens_no_stream(offline):
    with pytest.raises(Offline):
        offline.watch("KRW-BTC", "ticker")


def test_a_speed_is_a_number_of_times(streams):
    for speed in (-1.0, float("nan")):
        with pytest.raises(InputError, match="speed="):
            asyncio.run(
                streams.watch_again(
                    "KRW-BTC", "ticker", CallOptions(), Again("here", speed, None, None)
                )
            )
