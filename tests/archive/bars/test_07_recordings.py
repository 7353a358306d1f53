"""Bars, snapshots and events of recordings: nothing is made up for what nobody heard."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import marketkit as mk
from marketkit.schema import BAR, ORDERBOOK, TIME
from marketkit.timeframe import MINUTE, parse_time
from tests.integration.conftest import FAST_LIMITS, NOW
from tests.waiting import wait

SPAN = parse_time("2026-11-20T00:01"), parse_time("2026-11-20T00:17")
SYMBOLS = ["KRW-BTC", "KRW-ETH"]


def play(exchange, recording, minutes):
    """Let the exchange's clock step on, each step after the messages of the one before."""
    for _ in range(2 * minutes):
        before = recording.counts["orderbook"]
        exchange.advance(30)
        wait(lambda: recording.counts["orderbook"] > before)  # noqa: B023 - waited for at once


@pytest.fixture(scope="module")
def past(_exchange, tmp_path_factory):
    """Seven minutes that were recorded, from 00:00:30, six that were not, and four more.

    Gives the folder, and the minutes that the exchange made its trades of.
    """
    folder = tmp_path_factory.mktemp("past")
    _exchange.set_clock(now=NOW, speed=0)
    with mk.SmartDataProvider(
        endpoint=_exchange.endpoint, lake=folder / "lake", limits=FAST_LIMITS
    ) as one:
        for minutes, pause in ((7, 360), (4, 0)):
            channels = ["trade", "orderbook", "ticker"]
            with one.record(SYMBOLS, channels, to=folder / "tape") as recording:
                wait(lambda: len(recording.counts) == 3)
                play(_exchange, recording, minutes)
            _exchange.advance(pause)
    truth = {name: _exchange.candles(name, "1m", *SPAN) for name in SYMBOLS}
    frames = [
        rows.with_columns(pl.col("time").cast(TIME), symbol=pl.lit(name))
        for name, rows in truth.items()
    ]
    return folder / "tape", pl.concat(frames)


@pytest.fixture
def tape(past):
    return past[0]


def test_bars_of_a_recording_are_the_candles_of_what_was_heard_whole(provider, past, tape):
    with pytest.warns(UserWarning, match="no bar of KRW-BTC from .*trades may be missing"):
        bars = provider.bars("KRW-BTC", "1m", recording=tape)
    minutes = bars["time"].dt.minute().to_list()
    assert minutes == [1, 2, 3, 4, 5, 6, 14, 15, 16]
    own = past[1].filter(pl.col("symbol") == "KRW-BTC")
    heard = own.filter(pl.col("time").is_in(bars["time"].implode()))
    assert mk.compare_bars(bars, heard).is_empty()
    assert dict(bars.schema) == dict(BAR)


@pytest.mark.filterwarnings("ignore:no bar of")
@pytest.mark.parametrize("kind", [{"kind": "1m"}, {"volume": 2.5}])
def test_decimals_of_a_recording_are_the_floats_without_rounding(provider, tape, kind):
    floats = provider.bars("KRW-BTC", **kind, recording=tape)
    exact = provider.bars("KRW-BTC", **kind, recording=tape, precision="decimal")
    assert dict(exact.schema) == dict(mk.schema.exact(BAR))
    assert exact.cast(dict(BAR)).drop("value").equals(floats.drop("value"))


@pytest.mark.filterwarnings("ignore:no bar of")
def test_slots_that_nobody_heard_are_unknown_and_carry_nothing(provider, past, tape):
    asked = {"start": "2026-11-20T00:01", "end": "2026-11-20T00:17", "recording": tape}
    filled = provider.bars(SYMBOLS, "1m", **asked, fill="forward")
    btc = filled.filter(pl.col("symbol") == "KRW-BTC")
    states = btc["state"].cast(pl.String).to_list()
    assert states == ["closed"] * 6 + ["unknown"] * 7 + ["closed"] * 3
    assert btc.filter(pl.col("state") == "unknown")["close"].null_count() == 7
    assert filled.height == 32
    assert mk.compare_bars(filled, past[1]).is_empty()


@pytest.mark.filterwarnings("ignore:no bar of")
def test_bars_of_amounts_begin_anew_after_what_nobody_heard(provider, tape):
    bars = provider.bars("KRW-BTC", tick=10, recording=tape)
    assert set(bars["trades"]) == {10}
    hole = [parse_time(f"2026-11-20T00:{minute}") for minute in ("08:00", "13:00")]
    begun = bars["time"].dt.epoch("ms") < hole[0]
    over = bars["last"].dt.epoch("ms") < hole[1]
    assert begun.to_list() == over.to_list()
    assert bars.filter(~begun)["time"][0].timestamp() * 1000 >= hole[1]


@pytest.mark.filterwarnings("ignore:no bar of")
def test_a_market_that_was_not_recorded_fails_alone(provider, tape):
    with pytest.raises(mk.NotCovered, match="has no trades of KRW-XRP"):
        provider.bars("KRW-XRP", "1m", recording=tape)
    with pytest.warns(UserWarning, match="KRW-XRP skipped"):
        kept = provider.bars(["KRW-XRP", "KRW-BTC"], "1m", recording=tape, on_error="skip")
    assert kept["symbol"].unique().to_list() == ["KRW-BTC"]
    with pytest.raises(mk.InputError, match="no channel 'trade'"):
        provider.bars("KRW-BTC", "1m", recording=tape / "nowhere")


@pytest.mark.parametrize("every", ["5s", "1m"])
def test_snapshots_are_the_newest_book_of_each_moment(tape, every):
    books = mk.read_recording(tape, "orderbook")
    found = mk.read_recording(tape, "orderbook", every=every)
    assert dict(found.schema) == {"at": TIME, **ORDERBOOK, "received": TIME}
    step = {"5s": 5, "1m": 60}[every] * 1000
    at = found["at"].dt.epoch("ms")
    assert (at % step == 0).all()
    assert (found["received"] <= found["at"]).all()
    for (symbol, moment), rows in found.group_by("symbol", "at"):
        came = books.filter(pl.col("symbol") == symbol, pl.col("received") <= moment)
        last = came.filter(pl.col("received") == came["received"].max())
        assert last[-rows.height :].equals(rows.drop("at"))
        assert rows["depth"].to_list() == list(range(1, rows.height + 1))
    unheard = [parse_time(f"2026-11-20T00:{each}") for each in ("07:31", "13:29")]
    assert not at.is_between(*unheard).any()
    assert at.max() - at.min() >= 15 * MINUTE


def test_tickers_have_snapshots_and_events_have_none(tape):
    one = mk.read_recording(tape, "ticker", "KRW-BTC", every="1m", frame="pandas")
    assert one.index.name == "at"
    assert one.index.is_unique
    bounded = mk.read_recording(tape, "ticker", start="2026-11-20T00:02", every="1m")
    assert bounded["at"].min().minute in {2, 3}
    with pytest.raises(mk.InputError, match="every='1s' is for orderbook and ticker"):
        mk.read_recording(tape, "trade", every="1s")
    with pytest.raises(mk.InputError, match="not a length of time"):
        mk.read_recording(tape, "ticker", every="often")


def test_the_events_of_hftbacktest_have_every_trade_and_rebuild_every_book(tape, tmp_path):
    made = mk.to.hftbacktest(tape, "KRW-BTC", file=tmp_path / "btc.npz")
    assert np.load(tmp_path / "btc.npz")["data"].tobytes() == made.tobytes()
    assert made.dtype.itemsize == 64
    exchange, local = ((made["ev"] & flag) != 0 for flag in (1 << 31, 1 << 30))
    assert (np.diff(made["exch_ts"][exchange]) >= 0).all()
    assert (np.diff(made["local_ts"][local]) >= 0).all()
    assert exchange.sum() == local.sum()
    trades = mk.read_recording(tape, "trade", "KRW-BTC")
    heard = trades.filter(pl.col("time") >= mk.read_recording(tape, "orderbook")["received"][0])
    told = made[local & (made["ev"] & 7 == 2)]
    assert told["px"].tolist() == heard["price"].to_list()
    assert told["qty"].tolist() == heard["volume"].to_list()
    books = mk.read_recording(tape, "orderbook", "KRW-BTC")
    rebuilt = _books(made[local])
    for (received,), rows in books.group_by("received", maintain_order=True):
        newest = rows.slice(rows["depth"].to_list()[::-1].index(1) * -1 - 1)
        bids, asks = rebuilt[int(received.timestamp() * 1000) * 1_000_000]
        assert bids == dict(zip(newest["bid_price"], newest["bid_size"], strict=True))
        assert asks == dict(zip(newest["ask_price"], newest["ask_size"], strict=True))


def _books(events):
    """Follow depth events one by one; give the book after each moment."""
    books, found = ({}, {}), {}
    for event in events:
        kind, side = event["ev"] & 7, int(event["ev"] & (1 << 28) != 0)
        if kind in {1, 4} and event["qty"]:
            books[side][event["px"]] = event["qty"]
        elif kind in {1, 4}:
            del books[side][event["px"]]
        found[event["local_ts"]] = (dict(books[0]), dict(books[1]))
    return found


def test_the_book_is_empty_while_nobody_heard(tape):
    made = mk.to.hftbacktest(tape, "KRW-ETH")
    states = _books(made[(made["ev"] & (1 << 30)) != 0])
    empty = [moment for moment, (bids, asks) in states.items() if not bids and not asks]
    assert len(empty) > 0
    assert min(empty) // 1_000_000 >= parse_time("2026-11-20T00:07")


def test_one_market_has_to_be_meant(tape, tmp_path):
    with pytest.raises(mk.InputError, match=r"2 markets .*say which one"):
        mk.to.hftbacktest(tape)
    with pytest.raises(mk.InputError, match="nothing of 'KRW-XRP'"):
        mk.to.hftbacktest(tape, "KRW-XRP")
