"""Zips of trades on their way into the lake."""

from __future__ import annotations

import asyncio
import json
import zipfile

import polars as pl
import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.fetch.archive.rows import read_trades
from marketkit.data.fetch.archive.trades import TradeFill, is_traded, take_trades
from marketkit.data.fetch.walks import FetchRun
from marketkit.data.lake import Lake
from marketkit.data.lake.trades.store import TradeStore
from marketkit.errors import BadResponse, NetworkError
from marketkit.exchange.dialect import Response
from marketkit.exchange.upbit.archive.finding import Published
from marketkit.exchange.upbit.archive.keys import TRADE_HEADER, file_of
from marketkit.net.archive.basket import Basket
from marketkit.net.archive.download import Fetched
from marketkit.progress import Progress, Reporter
from marketkit.schema import ROW, empty
from marketkit.timeframe import DAY, iso, parse_time

KEY = "trade/KRW-BTC/daily/2025/KRW-BTC_trade_20250131.zip"
START = parse_time("2025-01-31")
LARGEST = 1 << 20


@pytest.fixture
def store(tmp_path):
    return TradeStore(tmp_path / "lake")


def take(store, fetched):
    """Read a zip and keep the trades."""
    rows = read_trades(fetched.path, fetched.published.file, LARGEST)
    return take_trades(store, fetched, rows)


async def coming(*files):
    """Give files as a download does."""
    for each in files:
        yield each


@pytest.fixture
def fetched(tmp_path):
    def make(*lines, at=START + 2 * DAY):
        file, path = file_of(KEY), tmp_path / f"{abs(hash(lines))}.zip"
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr(file.member, "\n".join([TRADE_HEADER, *lines, ""]))
        published = Published(file, path.stat().st_size, "2025-02-01T01:00:00Z")
        return Fetched(published, path, "ab" * 32, published.size, at, reused=False)

    return make


def test_a_zip_proves_the_day_of_its_name(store, fetched):
    lines = [f"1,{START + 5},4E-8,100.5,BID", f"0,{START + 5},2.5,100.0,ASK"]
    assert take(store, fetched(*lines)) == (2, 0)
    rows = store.read()
    assert rows["volume"].to_list() == [2.5, 4e-8]
    assert store.covered("KRW-BTC") == Spans([(START, START + DAY)])
    assert store.provenance()["key"].to_list() == [KEY]


def test_a_day_that_is_published_again_is_revised(store, fetched):
    take(store, fetched(f"0,{START},1,100,BID"))
    again = fetched(f"0,{START},2,100,BID", at=START + 3 * DAY)
    assert take(store, again) == (2, 2)
    assert store.revisions()["seen_at"].dt.epoch("ms").unique().to_list() == [START + 3 * DAY]


def test_a_wrong_file_leaves_the_lake_unmade(store, fetched):
    with pytest.raises(BadResponse, match=KEY):
        take(store, fetched(f"0,{START - 1},1,100,BID"))
    assert not store.root.exists()


def test_days_or_minutes_that_are_proved_say_whether_anything_traded(tmp_path):
    lake, day = Lake(tmp_path / "candles"), Span(START, START + DAY)
    assert is_traded(lake, "KRW-BTC", day) is None
    candle = dict(zip(ROW, ("KRW-BTC", START, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0), strict=True))
    rows = pl.DataFrame([candle], schema=dict(ROW))
    lake.append("KRW-BTC", "1m", rows, Spans([(START, START + 60_000)]))
    assert is_traded(lake, "KRW-BTC", day) is True  # one trade says so, whatever else is not known
    other = Span(day.end, day.end + DAY)
    lake.append("KRW-BTC", "1m", empty(ROW), Spans([other]))
    assert is_traded(lake, "KRW-BTC", other) is False
    assert is_traded(lake, "KRW-BTC", Span(other.start, other.end + 60_000)) is None


class Exchange:
    """Answers each request for a candle with the day of a time, or with the failure it has."""

    def __init__(self, time=None, failure=None):
        self.time, self.failure, self.asked = time, failure, []

    async def send(self, request):
        """Answer."""
        self.asked.append(request)
        if self.failure is not None:
            raise self.failure
        body = [] if self.time is None else [_day(self.time)]
        return Response(200, {}, json.dumps(body).encode(), at=START + 2 * DAY, sent=0)


def _day(time):
    prices = ("opening_price", "high_price", "low_price", "trade_price")
    return {
        "market": "KRW-BTC",
        "candle_date_time_utc": iso(time).removesuffix("Z"),
        **dict.fromkeys(prices, 1.0),
        "timestamp": time,
        "candle_acc_trade_price": 1.0,
        "candle_acc_trade_volume": 1.0,
    }


@pytest.mark.parametrize(
    ("exchange", "said"),
    [
        (Exchange(START - DAY), None),
        (Exchange(START), "candles of REST say that there were some"),
        (Exchange(), "no candles prove"),
        (Exchange(failure=NetworkError("away")), "no candles prove"),
    ],
)
def test_a_zip_without_trades_is_believed_where_rest_has_no_candle_of_the_day(
    tmp_path, fetched, exchange, said
):
    lake = Lake(tmp_path / "lake")
    run = FetchRun("normal", Reporter(Progress("it"), show=False))
    fill = TradeFill(lake, run, exchange.send, Span(0, 0))
    asyncio.run(fill.take(coming(fetched())))
    (request,) = exchange.asked
    assert dict(request.params)["count"] == "1"
    day = Spans([(START, START + DAY)])
    assert lake.trades.covered("KRW-BTC") == (day if said is None else Spans())
    told = [each.said for each in fill.taken.troubles]
    assert len(told) == (said is not None)
    assert all(said in each and KEY in each for each in told)


@pytest.mark.parametrize("traded", [True, False])
def test_nobody_is_asked_where_the_lake_has_candles_of_the_day(tmp_path, fetched, traded):
    lake, exchange = Lake(tmp_path / "lake"), Exchange()
    candle = dict(zip(ROW, ("KRW-BTC", START, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0), strict=True))
    rows = pl.DataFrame([candle] if traded else [], schema=dict(ROW))
    lake.append("KRW-BTC", "1d", rows, Spans([(START, START + DAY)]))
    run = FetchRun("normal", Reporter(Progress("it"), show=False))
    fill = TradeFill(lake, run, exchange.send, Span(0, 0))
    asyncio.run(fill.take(coming(fetched())))
    assert exchange.asked == []
    assert bool(lake.trades.covered("KRW-BTC")) is not traded
    assert [
        f"{KEY} has no trades, and candles of the lake say" in x.said for x in fill.taken.troubles
    ] == [True] * traded


def test_zips_that_a_killed_run_left_behind_are_named_once_the_lake_has_them(tmp_path, fetched):
    lake, basket = Lake(tmp_path / "lake"), Basket(tmp_path / "zips")
    found = fetched(f"0,{START},1,100,BID")
    path = basket.whole(KEY)
    path.parent.mkdir(parents=True)
    path.write_bytes(found.path.read_bytes())
    run = FetchRun("normal", Reporter(Progress("it"), show=False))
    fill = TradeFill(lake, run, Exchange().send, Span(0, 0))
    assert fill.left_over(basket) == []
    take(lake.trades, found)
    assert fill.left_over(basket) == [KEY]
    assert fill.left_over(Basket(tmp_path / "zips", keeps=True)) == []
    for each in lake.root.glob("trades/**/*.parquet"):
        each.write_bytes(b"rot")
    assert fill.left_over(basket) == []


def test_a_file_with_impossible_trades_is_left_and_others_are_taken(tmp_path, fetched):
    lake, done = Lake(tmp_path / "lake"), []
    run = FetchRun("normal", Reporter(Progress("it"), show=False))
    fill = TradeFill(lake, run, Exchange().send, Span(0, 0))
    wrong, right = fetched(f"0,{START},1,-100,BID"), fetched(f"0,{START},1,100,BID")
    asyncio.run(fill.take(coming(wrong), done.append))
    (left,) = fill.taken.troubles
    assert left.key == KEY
    assert "a price that is not positive" in left.said
    assert (fill.taken.files, done) == (0, [wrong])
    asyncio.run(fill.take(coming(right), done.append))
    assert (fill.taken.files, run.rows, done) == (1, 1, [wrong, right])


def test_a_rotten_day_fails_its_market_alone(tmp_path, fetched):
    lake = Lake(tmp_path / "lake")
    take(lake.trades, fetched(f"0,{START},1,100,BID"))
    path = lake.root / "trades/source=upbit/series=KRW-BTC/2025-01-31.parquet"
    content = bytearray(path.read_bytes())
    content[50] ^= 1
    path.write_bytes(content)
    run = FetchRun("normal", Reporter(Progress("it"), show=False))
    fill = TradeFill(lake, run, Exchange().send, Span(0, 0))
    asyncio.run(fill.take(coming(fetched(f"0,{START},1,100,BID"))))
    assert "set aside" in str(run.failures["KRW-BTC"]) or "kept as" in str(run.failures["KRW-BTC"])
    asyncio.run(fill.take(coming(fetched(f"0,{START},1,100,BID"))))
    assert lake.trades.read().height == 1
