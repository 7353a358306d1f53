"""Where candles lie."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkit.coverage import Span, Spans
from marketkit.data.lake.format.layout import (
    Series,
    chunk_of,
    chunk_span,
    cut,
    cut_chunks,
    edge_chunks,
    is_chunk,
    symbol_of_folder,
)
from marketkit.errors import InputError, InvalidRange
from marketkit.timeframe import TIMEFRAMES
from marketkit.window import EVER, check_range

TIMES = st.integers(EVER.start, EVER.end - 1)
WIDTHS = st.sampled_from(list(TIMEFRAMES.values()))


def at(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * 1000


@pytest.mark.parametrize(
    ("timeframe", "chunk"),
    [
        ("1s", "2024-01-15"),
        ("1m", "2024-01"),
        ("3m", "2024-01"),
        ("5m", "2024"),
        ("30m", "2024"),
        ("1h", "all"),
        ("1d", "all"),
        ("1M", "all"),
    ],
)
def test_a_chunk_holds_a_day_a_month_a_year_or_everything(timeframe, chunk):
    assert chunk_of(TIMEFRAMES[timeframe], at(2024, 1, 15, 12)) == chunk


def test_a_path_names_source_timeframe_series_and_chunk():
    path = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"]).path("2024-01")
    assert path == "candles/source=upbit/timeframe=1min/series=KRW-BTC/2024-01.parquet"


def test_minutes_and_months_lie_apart_where_case_is_ignored():
    folders = {Series("upbit", "KRW-BTC", each).folder.lower() for each in TIMEFRAMES.values()}
    locks = {Series("upbit", "KRW-BTC", each).lock.lower() for each in TIMEFRAMES.values()}
    assert len(folders) == len(locks) == len(TIMEFRAMES)


@pytest.mark.parametrize(
    "symbol", ["../x", "KRW-BTC\n", "", ".", "KRW", "KRW-", "KRW-*", "KRW-\0", None, 7, "K-" * 99]
)
def test_what_is_no_market_code_never_becomes_a_path(symbol):
    with pytest.raises(InputError, match="not a symbol"):
        Series("upbit", symbol, TIMEFRAMES["1m"])


ODD = ["USDT-币安人生", "KRW-BRK.B", "KRW-abc", "krw-abc", "KRW-A B", "KRW-A/B", "KRW-..", "KRW-A.", "KRW-%41", "CON-BTC", "KRW-한글", "KRW-\u1112\u1161", "KRW-\uff21"]  # fmt: skip


def test_odd_codes_have_folders_of_their_own_below_the_root_where_case_is_ignored():
    series = [Series("upbit", symbol, TIMEFRAMES["1m"]) for symbol in [*ODD, "KRW-ABC", "KRW-A"]]
    names = [each.folder.rpartition("/")[2] for each in series]
    assert [symbol_of_folder(name) for name in names] == [each.symbol for each in series]
    assert len({name.casefold() for name in names}) == len(names)
    assert names[:2] == ["series=USDT-币安人生", "series=KRW-BRK.B"]
    assert not any("/" in each.lock.removeprefix(".locks/1min/") for each in series)


def test_a_source_that_is_no_plain_name_is_refused():
    with pytest.raises(InputError, match="not a source"):
        Series("../upbit", "KRW-BTC", TIMEFRAMES["1m"])


def test_only_folders_named_like_series_have_a_symbol():
    assert symbol_of_folder("series=KRW-BTC") == "KRW-BTC"
    assert symbol_of_folder("KRW-BTC") is None
    assert symbol_of_folder("series=lost+found") is None


@given(timeframe=WIDTHS, time=TIMES)
def test_every_time_lies_in_the_span_of_its_chunk(timeframe, time):
    chunk = chunk_of(timeframe, time)
    start, end = chunk_span(timeframe, chunk)
    assert start <= time < end
    assert is_chunk(timeframe, chunk)


@given(timeframe=WIDTHS, times=st.tuples(TIMES, TIMES))
def test_names_of_chunks_sort_like_times(timeframe, times):
    early, late = sorted(times)
    assert chunk_of(timeframe, early) <= chunk_of(timeframe, late)


@pytest.mark.parametrize("name", ["2024-13", "2024", "2024-01-01", "all", "2024-1", "x", "", "²"])
def test_a_foreign_name_is_no_chunk_of_months(name):
    assert not is_chunk(TIMEFRAMES["1m"], name)


def test_spans_are_cut_where_chunks_meet():
    month = TIMEFRAMES["1m"]
    spans = Spans([(at(2024, 1, 31), at(2024, 3, 1, 0, 5)), (at(2024, 3, 2), at(2024, 3, 3))])
    assert cut(month, spans) == {
        "2024-01": Spans([(at(2024, 1, 31), at(2024, 2, 1))]),
        "2024-02": Spans([(at(2024, 2, 1), at(2024, 3, 1))]),
        "2024-03": Spans(
            [(at(2024, 3, 1), at(2024, 3, 1, 0, 5)), (at(2024, 3, 2), at(2024, 3, 3))]
        ),
    }


@given(
    timeframe=st.sampled_from([TIMEFRAMES["1m"], TIMEFRAMES["5m"], TIMEFRAMES["1h"]]),
    starts=st.lists(st.tuples(st.integers(0, 10**12), st.integers(1, 10**10)), max_size=4),
)
def test_cutting_loses_and_adds_nothing(timeframe, starts):
    spans = Spans((start, start + length) for start, length in starts)
    parts = cut(timeframe, spans)
    assert Spans(span for part in parts.values() for span in part) == spans
    for chunk, part in parts.items():
        assert part
        assert part.clip(*chunk_span(timeframe, chunk)) == part


def test_a_window_cuts_the_chunks_at_its_edges_only_where_it_misses_a_part():
    month = TIMEFRAMES["1m"]
    assert cut_chunks(month, Span(at(2024, 1, 1), at(2024, 3, 1))) == set()
    assert cut_chunks(month, Span(at(2024, 1, 2), at(2024, 3, 1))) == {"2024-01"}
    assert cut_chunks(month, Span(at(2024, 1, 1), at(2024, 3, 2))) == {"2024-03"}
    assert edge_chunks(month, Span(at(2024, 1, 1), at(2024, 3, 1))) == ("2024-01", "2024-02")


@pytest.mark.parametrize(("start", "end"), [(2, 1), (-1, 1), (0, EVER.end + 1)])
def test_a_range_that_runs_backwards_or_out_of_the_calendar_is_refused(start, end):
    with pytest.raises(InvalidRange):
        check_range(start, end)
