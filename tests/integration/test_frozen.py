"""A backtest's candles years later: frozen through the API, unchanged by whatever is written."""

from __future__ import annotations

import hashlib

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.errors import InputError, NotCovered
from marketkit.net.engine import Engine
from marketkit.timeframe import MINUTE, parse_time

SYMBOLS = ["KRW-BTC", "KRW-MK031"]
RANGE = {"start": "2026-11-18T03:00", "end": "2026-11-18T09:00"}
START, END = (parse_time(edge) for edge in RANGE.values())
NUMBERS = ("open", "high", "low", "close", "volume", "value")


@pytest.fixture
def study(provider):
    """A provider whose lake has six hours of two markets, frozen as `study`."""
    provider.get_candle(SYMBOLS, "1m", **RANGE)
    provider.lake().freeze("study")
    return provider


def fingerprint(frame: pl.DataFrame) -> str:
    return hashlib.sha256(frame.write_ipc(None).getvalue()).hexdigest()


def rewrite(lake: Lake, times: int) -> None:
    """Write that often: another price for a candle, one that was not there, one that vanishes."""
    rows = lake.read("KRW-BTC", "1m", START, END)
    for number in range(times):
        one = rows[number % rows.height].with_columns(volume=pl.col("volume") + number + 1.0)
        time = int(one["time"].cast(pl.Int64)[0])
        page = one[:0] if number % 3 == 2 else one
        lake.append("KRW-BTC", "1m", page, Spans([(time, time + MINUTE)]))


@pytest.mark.parametrize("writes", [50, pytest.param(1_000, marks=pytest.mark.slow)])
def test_a_frame_of_a_frozen_set_is_the_same_to_the_byte_after_many_writes(study, writes):
    now = study.get_candle(SYMBOLS, "1m", **RANGE, source="lake")
    before = study.get_candle(SYMBOLS, "1m", **RANGE, as_of="study")
    assert before.equals(now)
    rewrite(study.lake(), writes)
    after = study.get_candle(SYMBOLS, "1m", **RANGE, as_of="study")
    assert fingerprint(after) == fingerprint(before)
    assert after.equals(before)
    assert not study.get_candle(SYMBOLS, "1m", **RANGE, source="lake").equals(before)
    assert study.lake().verify("study").is_empty()


def test_a_frozen_set_asks_no_exchange_and_knows_what_it_does_not(study, exchange):
    exchange.reset_stats()
    study.get_candle(SYMBOLS, "1m", **RANGE, as_of="study")
    with pytest.raises(NotCovered):
        study.get_candle("KRW-BTC", "1m", start="2026-11-17", end="2026-11-18", as_of="study")
    assert sum(group["requests"] for group in exchange.stats()["groups"].values()) == 0


def test_what_a_lake_answers_alone_is_read_in_the_callers_thread(study, monkeypatch):
    def refuse(_, coroutine):
        coroutine.close()
        raise AssertionError("the engine was asked")

    expected = study.get_candle("KRW-BTC", "1m", **RANGE)
    monkeypatch.setattr(Engine, "submit", refuse)
    assert study.get_candle("KRW-BTC", "1m", **RANGE, source="lake").equals(expected)
    assert study.get_candle("KRW-BTC", "1m", **RANGE, as_of="study").equals(expected)
    assert study.get_candle(["KRW-*"], "1m", source="lake").height > expected.height
    with pytest.raises(AssertionError, match="was asked"):
        study.get_candle("KRW-BTC", "1m", **RANGE)
    monkeypatch.undo()  # the provider still has to be closed


def test_what_is_fetched_later_is_in_the_lake_and_not_in_the_set(study):
    later = {"start": "2026-11-18T09:00", "end": "2026-11-18T10:00"}
    assert study.get_candle("KRW-BTC", "1m", **later).height
    with pytest.raises(NotCovered):
        study.get_candle("KRW-BTC", "1m", **later, as_of="study")


def test_an_unknown_set_is_refused_with_the_nearest(study):
    with pytest.raises(InputError, match="did you mean 'study'"):
        study.get_candle("KRW-BTC", "1m", **RANGE, as_of="studi")


def test_a_flipped_byte_is_found(study):
    path = next(study.lake().root.glob("snapshots/study/candles/**/*.parquet"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    with path.open("r+b") as file:
        file.write(content)
    assert study.lake().verify("study").height == 1


def test_every_engine_reads_the_same_sums(study):
    deltalake = pytest.importorskip("deltalake")
    duckdb = pytest.importorskip("duckdb")
    expected = study.lake().as_of("study").read(None, "1m")
    sums = pytest.approx(expected.select(pl.col(*NUMBERS).sum()).row(0), rel=1e-12)
    lake = study.lake()
    columns = ", ".join(f"sum({name})" for name in NUMBERS)
    assert lake.sql(f"select {columns} from candles_1m", as_of="study").row(0) == sums  # noqa: S608

    table = str(lake.publish("study"))
    rewrite(lake, 10)
    assert pl.scan_delta(table).select(pl.col(*NUMBERS).sum()).collect().row(0) == sums
    delta = deltalake.DeltaTable(table)
    arrow = delta.to_pyarrow_table()
    assert tuple(sum(arrow[name].to_pylist()) for name in NUMBERS) == sums
    with duckdb.connect(":memory:") as connection:
        text = f"select {columns} from read_parquet($1)"  # noqa: S608
        assert connection.execute(text, [delta.file_uris()]).fetchone() == sums
    assert lake.verify("study").is_empty()
