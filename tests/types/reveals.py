"""Calls as a type checker sees them: behind each line the type that it reveals.

`test_reveals.py` has mypy and basedpyright read this file; nothing runs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, assert_type, reveal_type

import pandas as pd
import polars as pl

import marketkit as mk
from marketkit.api.response import DataResponse
from marketkit.data.jobs.chunks import Chunks

Either = pl.DataFrame | pd.DataFrame
Kind = Literal["polars", "pandas"]  # what gives Arrow is of a library without types
# A call, its type and its comment belong in one line.
# fmt: off


def frames(kind: Kind) -> None:
    """The functions of the package."""
    reveal_type(assert_type(mk.get_ticker("KRW-BTC"), pl.DataFrame))  # polars.DataFrame
    reveal_type(mk.get_ticker(["KRW-BTC"], frame="polars"))  # polars.DataFrame
    reveal_type(assert_type(mk.get_ticker("KRW-BTC", frame="pandas"), pd.DataFrame))  # pandas.DataFrame
    reveal_type(assert_type(mk.get_ticker("KRW-BTC", frame=kind), Either))  # polars.DataFrame | pandas.DataFrame
    reveal_type(assert_type(mk.get_market(), pl.DataFrame))  # polars.DataFrame
    reveal_type(assert_type(mk.get_market("KRW", frame="pandas"), pd.DataFrame))  # pandas.DataFrame
    reveal_type(assert_type(mk.get_orderbook("KRW-BTC", depth=3), pl.DataFrame))  # polars.DataFrame
    reveal_type(assert_type(mk.get_orderbook("KRW-BTC", frame="pandas"), pd.DataFrame))  # pandas.DataFrame
    reveal_type(assert_type(mk.get_trade("KRW-BTC", count=5, tz="Asia/Seoul"), pl.DataFrame))  # polars.DataFrame
    reveal_type(assert_type(mk.get_trade("KRW-BTC", frame="pandas"), pd.DataFrame))  # pandas.DataFrame
    reveal_type(assert_type(mk.get_candle("KRW-BTC", "1m", fill="forward"), pl.DataFrame))  # polars.DataFrame
    reveal_type(assert_type(mk.get_candle("KRW-BTC", "1m", frame="pandas"), pd.DataFrame))  # pandas.DataFrame
    reveal_type(assert_type(mk.get_candle("KRW-POL", "1d", rename={"KRW-MATIC": "KRW-POL"}), pl.DataFrame))  # polars.DataFrame
    reveal_type(assert_type(mk.get_candle("KRW-BTC", "1d", derive=False), pl.DataFrame))  # polars.DataFrame
    reveal_type(assert_type(mk.get_candle("KRW-BTC", "1d", derive=False, frame="pandas"), pd.DataFrame))  # pandas.DataFrame
    reveal_type(assert_type(mk.get_candle("KRW-BTC", "1m", frame=kind), Either))  # polars.DataFrame | pandas.DataFrame
    reveal_type(assert_type(mk.bars("KRW-BTC", "1m", start="-1d"), pl.DataFrame))  # polars.DataFrame
    reveal_type(assert_type(mk.bars(["KRW-BTC"], volume=2.5, start="-1d", frame="pandas"), pd.DataFrame))  # pandas.DataFrame
    reveal_type(assert_type(mk.compare_bars(mk.bars("KRW-BTC", "1h", start="-1d"), pl.DataFrame()), pl.DataFrame))  # polars.DataFrame
    reveal_type(assert_type(mk.premium("BTC", quote="USDT"), pl.DataFrame))  # polars.DataFrame
    reveal_type(assert_type(mk.premium(["BTC"], "USDT", "1h", frame="pandas"), pd.DataFrame))  # pandas.DataFrame


def forms() -> None:
    """Candles of several widths, laid out wide, by what is configured."""
    reveal_type(assert_type(mk.get_candle("KRW-BTC", ["1m", "1h"], start="-30d"), pl.DataFrame))  # polars.DataFrame
    reveal_type(assert_type(mk.get_candle(["KRW-BTC"], "1d", wide="close", frame="pandas"), pd.DataFrame))  # pandas.DataFrame
    reveal_type(assert_type(mk.get_candle("KRW-*", ("1d", "1w"), wide=["close", "volume"]), pl.DataFrame))  # polars.DataFrame
    reveal_type(assert_type(mk.get_candle("KRW-BTC", "1d", frame=None, tz=None, session=None), pl.DataFrame))  # polars.DataFrame
    mk.get_ticker("KRW-BTC", frame="arrow").to_pandas()
    mk.get_candle("KRW-BTC", "1m", frame="arrow").to_pandas()
    reveal_type(mk.configure(frame="pandas", tz="Asia/Seoul"))  # Defaults
    reveal_type(mk.SmartDataProvider(frame="pandas", tz="Asia/Seoul", session="00:00 Asia/Seoul"))  # SmartDataProvider
    reveal_type(assert_type(mk.schema.describe("candle"), pl.DataFrame))  # polars.DataFrame
    assert_type(mk.errors.UnknownSymbol("KRW-BCT").symbol, str)


def responses(kind: Kind) -> None:
    """Answers with their story."""
    told = mk.with_response
    reveal_type(assert_type(told.get_ticker("KRW-BTC"), DataResponse[pl.DataFrame]))  # DataResponse[polars.DataFrame]
    reveal_type(assert_type(told.get_ticker("KRW-BTC").frame, pl.DataFrame))  # polars.DataFrame
    assert_type(told.get_candle("KRW-BTC", "1d").derived, Mapping[str, str])
    reveal_type(assert_type(told.get_candle("KRW-BTC", "1m", frame="pandas"), DataResponse[pd.DataFrame]))  # DataResponse[pandas.DataFrame]
    reveal_type(assert_type(told.get_trade("KRW-BTC", frame=kind).frame, Either))  # polars.DataFrame | pandas.DataFrame


async def awaited(provider: mk.AsyncSmartDataProvider, kind: Kind) -> None:
    """The async provider."""
    reveal_type(assert_type(await provider.get_ticker("KRW-BTC"), pl.DataFrame))  # polars.DataFrame
    reveal_type(assert_type(await provider.get_ticker("KRW-BTC", frame="pandas"), pd.DataFrame))  # pandas.DataFrame
    reveal_type(assert_type(await provider.get_candle("KRW-BTC", "1m", frame=kind), Either))  # polars.DataFrame | pandas.DataFrame
    reveal_type(assert_type((await provider.with_response.get_market()).frame, pl.DataFrame))  # polars.DataFrame
    both = await asyncio.gather(provider.get_ticker("KRW-BTC"), provider.get_trade("KRW-BTC"))
    reveal_type(both)  # tuple[polars.DataFrame, polars.DataFrame]
    reveal_type(assert_type((await provider.watch("KRW-BTC", "trade", frame="pandas")).frame, pd.DataFrame))  # pandas.DataFrame


def streams(kind: Kind) -> None:
    """Feeds, live series, recordings."""
    reveal_type(assert_type(mk.watch("KRW-BTC", "ticker"), mk.Feed[pl.DataFrame]))  # Feed[polars.DataFrame]
    reveal_type(assert_type(mk.watch("KRW-BTC", "ticker").frame, pl.DataFrame))  # polars.DataFrame
    reveal_type(assert_type(mk.watch("KRW-*", "orderbook", depth=5, level=10_000, new_listings=False).frame, pl.DataFrame))  # polars.DataFrame
    reveal_type(assert_type(mk.watch("KRW-BTC", "candle.1m", settle=5, frame="pandas").frame, pd.DataFrame))  # pandas.DataFrame
    reveal_type(assert_type(mk.watch("KRW-BTC", "ticker", frame=kind).frame, Either))  # polars.DataFrame | pandas.DataFrame
    reveal_type(assert_type(mk.live("KRW-BTC", "1m").frame, pl.DataFrame))  # polars.DataFrame
    reveal_type(assert_type(mk.live("KRW-BTC", "1m", frame="pandas"), mk.Live[pd.DataFrame]))  # Live[pandas.DataFrame]
    for events in mk.watch("KRW-BTC", "trade"):
        reveal_type(assert_type(events, pl.DataFrame))  # polars.DataFrame
    for closed in mk.live("KRW-BTC", "1m", frame="pandas"):
        reveal_type(assert_type(closed, pd.DataFrame))  # pandas.DataFrame
    reveal_type(assert_type(mk.live("KRW-BTC", "1m").interruptions, pl.DataFrame))  # polars.DataFrame
    reveal_type(assert_type(mk.live("KRW-*", "1m", settle=5.0, new_listings=False), mk.Live[pl.DataFrame]))  # Live[polars.DataFrame]
    reveal_type(mk.record("KRW-*", "trade", to="here", new_listings=True))  # Recording
    reveal_type(assert_type(mk.read_recording("here", "trade"), pl.DataFrame))  # polars.DataFrame
    reveal_type(assert_type(mk.read_recording("here", "trade", frame="pandas"), pd.DataFrame))  # pandas.DataFrame


def lake() -> None:
    """The lake and its backfills."""
    reveal_type(mk.lake())  # Lake
    reveal_type(assert_type(mk.lake().catalog(), pl.DataFrame))  # polars.DataFrame
    reveal_type(assert_type(mk.lake().scan("KRW-BTC", "1m"), pl.LazyFrame))  # polars.LazyFrame
    reveal_type(assert_type(mk.lake().read("KRW-POL", "1d", rename={"KRW-MATIC": "KRW-POL"}), pl.DataFrame))  # polars.DataFrame
    reveal_type(assert_type(mk.lake().coverage("KRW-BTC", "1m"), pl.DataFrame))  # polars.DataFrame
    reveal_type(assert_type(mk.lake().unsettled("KRW-BTC", "1m"), pl.DataFrame))  # polars.DataFrame
    reveal_type(mk.lake().import_("minutes.csv", symbol="KRW-BTC", timeframe="1m"))  # Imported
    reveal_type(mk.lake().import_(["a.csv", "b.csv"], timeframe="1m"))  # Imports
    reveal_type(mk.backfill("KRW-BTC", "1m", start="2026-11-19"))  # Job
    reveal_type(mk.plan("KRW-BTC", "1m", start="2026-11-19"))  # Plan
    reveal_type(assert_type(mk.jobs(), pl.DataFrame))  # polars.DataFrame
    reveal_type(mk.status())  # Status
    reveal_type(assert_type(mk.doctor(), pl.DataFrame))  # polars.DataFrame
    chunks = mk.iter_candle("KRW-BTC", "1m", start="2026-11-19")
    reveal_type(assert_type(chunks, Chunks[pl.DataFrame]))  # Chunks[polars.DataFrame]
    for chunk in mk.iter_candle("KRW-BTC", "1m", start="2026-11-19", frame="pandas"):
        reveal_type(assert_type(chunk, pd.DataFrame))  # pandas.DataFrame


def charts(frame: pl.DataFrame, pandas: pd.DataFrame) -> None:
    """Charts of frames, lakes and streams."""
    reveal_type(mk.plot.candles(frame, tz="Asia/Seoul", log=True, colors="western", theme="dark"))  # Chart
    reveal_type(mk.plot.compare(pandas, column="high"))  # Chart
    reveal_type(mk.plot.coverage(mk.lake(), "KRW-BTC", "1m"))  # Chart
    reveal_type(mk.plot.quality(mk.lake(), "KRW-BTC", "1m"))  # Chart
    assert_type(mk.plot.depth(mk.get_orderbook("KRW-BTC")).save("depth.png", width=600), Path)
    assert_type(mk.live("KRW-BTC", "1m").plot(60, theme="dark"), None)


def callbacks() -> None:
    """Calls handed on keep what they give."""
    one: Callable[[str], pl.DataFrame] = mk.get_ticker
    reveal_type(one("KRW-BTC"))  # polars.DataFrame
