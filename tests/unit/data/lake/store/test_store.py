"""What programs need of a lake: append with proof, look up with it."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.lake.store.store import Store, Tally
from marketkit.errors import InputError, InvalidRange, NotWritable
from marketkit.timeframe import MINUTE

HOUR = 60 * MINUTE


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "lake")


@pytest.fixture
def filled(store, candles, january):
    """Two symbols over the end of a month: odd minutes traded, ten before and ten after."""
    for symbol in ("KRW-BTC", "KRW-ETH"):
        rows = candles([january + slot * MINUTE for slot in range(-9, 10, 2)], symbol)
        covering = Spans([(january - 10 * MINUTE, january + 10 * MINUTE)])
        store.append(symbol, "1m", rows, covering, nothing_before=january - HOUR)
    return store


def test_making_one_writes_nothing(tmp_path, store):
    assert store.select(None, "1m").symbols == []
    assert not (tmp_path / "lake").exists()
    store.require_writable()
    assert (tmp_path / "lake" / "lake.json").exists()


def test_what_takes_no_writes_says_so(tmp_path):
    (tmp_path / "lake").write_text("a file")
    with pytest.raises(NotWritable):
        Store(tmp_path / "lake").require_writable()


def test_what_was_appended_is_covered_and_read(filled, january):
    assert filled.covered("KRW-BTC", "1m") == Spans(
        [(january - 10 * MINUTE, january + 10 * MINUTE)]
    )
    assert filled.nothing_before("KRW-BTC", "1m") == january - HOUR
    rows = filled.select("KRW-BTC", "1m").read(Span(january, january + HOUR))
    assert rows["time"].cast(pl.Int64).to_list() == [
        january + slot * MINUTE for slot in range(1, 10, 2)
    ]


def test_missing_is_neither_covered_nor_before_the_listing(filled, january):
    missing = filled.missing("KRW-BTC", "1m", january - 2 * HOUR, january + HOUR)
    assert missing == Spans(
        [(january - HOUR, january - 10 * MINUTE), (january + 10 * MINUTE, january + HOUR)]
    )
    with pytest.raises(InvalidRange):
        filled.missing("KRW-BTC", "1m", january, january - 1)


def test_a_selection_of_no_names_is_all_of_them_sorted(filled):
    selected = filled.select(None, "1m")
    assert selected.symbols == ["KRW-BTC", "KRW-ETH"]
    assert filled.select(["KRW-ETH", "KRW-BTC", "KRW-ETH"], "1m").symbols == selected.symbols
    assert selected.of(["KRW-ETH"]).symbols == ["KRW-ETH"]
    assert filled.select(None, "1h").symbols == []


def test_only_the_files_of_a_range_are_read_and_cut_only_where_need_be(filled, january):
    selected = filled.select("KRW-BTC", "1m")
    both = selected.files(Span(january - HOUR, january + HOUR))
    assert [path.name for path in both.paths] == ["2023-12.parquet", "2024-01.parquet"]
    assert both.window == (january - HOUR, january + HOUR)
    whole = selected.files(Span(january, january + 31 * 24 * HOUR))
    assert [path.name for path in whole.paths] == ["2024-01.parquet"]
    assert whole.window is None


def test_slots_are_tallied_by_what_they_are(filled, january):
    tally = filled.select("KRW-BTC", "1m").tally(
        "KRW-BTC", Span(january - 2 * HOUR, january + HOUR)
    )
    assert tally == Tally(traded=10, empty=10, absent=60, unknown=100)


def test_knowledge_is_worked_out_anew_when_something_was_written(filled, candles, january):
    before = filled.covered("KRW-BTC", "1m")
    covering = Spans([(january + HOUR, january + 2 * HOUR)])
    Store(filled.root).append("KRW-BTC", "1m", candles([]), covering)
    assert filled.covered("KRW-BTC", "1m") == before | covering


def test_a_source_that_cannot_name_a_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="not a source"):
        Store(tmp_path, source="../up")


def test_stores_of_different_sources_do_not_meet(filled, tmp_path):
    other = Store(filled.root, source="upbit_sg")
    assert other.select(None, "1m").symbols == []
    assert not other.covered("KRW-BTC", "1m")
