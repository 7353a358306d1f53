"""The newest candles of many series: what the files say, whoever changes them."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.store import newest as hot
from marketkit.errors import CorruptFile, Incomplete, InputError, WrongArgument
from marketkit.schema import ROW, empty

MINUTE = 60_000
FEBRUARY = 1_706_745_600_000  # where one chunk of minutes ends and the next begins
SYMBOLS = ("KRW-BTC", "KRW-ETH", "KRW-XRP")


@pytest.fixture
def append(lake, candles):
    """Append minutes from `first` on, counted from February."""

    def append(symbol: str, first: int, count: int, lake: Lake = lake, **columns) -> None:
        start = FEBRUARY + first * MINUTE
        end = start + count * MINUTE
        rows = candles(range(start, end, MINUTE), symbol, **columns)
        lake.append(symbol, "1m", rows, Spans([(start, end)]))

    return append


@pytest.fixture
def reads(monkeypatch):
    """How many series' ends were read from files, at each time that any were."""
    asked = []
    real = hot.read_ends
    monkeypatch.setattr(
        hot, "read_ends", lambda paths, count: (asked.append(len(paths)), real(paths, count))[1]
    )
    return asked


def expected(lake: Lake, count: int) -> pl.DataFrame:
    return lake.read(None, "1m").group_by("symbol", maintain_order=True).tail(count).select(*ROW)


def test_the_last_candles_of_each_symbol_come_sorted(lake, append):
    for symbol in reversed(SYMBOLS):
        append(symbol, 0, 300)
    frame = lake.latest(count=7)
    assert frame.equals(expected(lake, 7))
    assert frame.schema == pl.Schema(ROW)
    assert frame["symbol"].to_list() == [symbol for symbol in SYMBOLS for _ in range(7)]
    assert lake.latest(["KRW-ETH", "KRW-NIX"], count=7)["symbol"].unique().to_list() == ["KRW-ETH"]
    assert lake.latest("KRW-BTC", "1h", count=7).equals(empty(ROW))


def test_a_lake_without_candles_has_no_latest(lake, january):
    assert lake.latest().equals(empty(ROW))
    assert lake.latest(count=1000).equals(empty(ROW))
    lake.append("KRW-BTC", "1m", empty(ROW), Spans([(january, january + MINUTE)]))
    assert lake.latest().equals(empty(ROW))


def test_fewer_candles_than_asked_for_are_all_there_are(lake, append):
    append("KRW-BTC", -3, 2)
    append("KRW-BTC", 5, 2)
    assert lake.latest(count=200).equals(lake.read(None, "1m"))


def test_more_candles_than_are_kept_come_from_the_files(lake, append):
    append("KRW-BTC", -500, 1000)
    append("KRW-ETH", 0, 10)
    assert lake.latest(count=700).equals(expected(lake, 700))


def test_a_turnover_that_nobody_knows_stays_unknown(lake, append):
    append("KRW-BTC", 0, 3, value=None)
    append("KRW-ETH", 0, 3)
    assert lake.latest()["value"].to_list() == [None] * 3 + [100.0] * 3


def test_files_are_read_once(lake, append, reads):
    for symbol in SYMBOLS:
        append(symbol, 0, 300)
    lake.latest()
    lake.latest(count=9)
    Lake(lake.root).latest()
    assert reads == [3]


def test_a_writer_keeps_the_end_that_somebody_asked_for(lake, append, reads):
    append("KRW-BTC", 0, 300)
    append("KRW-ETH", 0, 300)
    lake.latest(symbols="KRW-BTC")
    append("KRW-BTC", 300, 5, lake=Lake(lake.root), close=7.0)
    append("KRW-ETH", 300, 5)
    append("KRW-BTC", -300, 5)  # an older chunk: the end stays as it was
    assert lake.latest(count=10).equals(expected(lake, 10))
    assert reads == [1, 1]  # KRW-BTC was read once


def test_a_new_chunk_with_few_candles_is_joined_to_the_one_before(lake, append, reads):
    append("KRW-BTC", -300, 300)
    lake.latest()
    append("KRW-BTC", 0, 5)
    append("KRW-BTC", -10, 5, close=7.0)
    assert lake.latest(count=20).equals(expected(lake, 20))
    lake.latest()
    assert reads == [1, 1]


def test_without_an_index_it_only_takes_longer(lake, append, reads):
    append("KRW-BTC", 0, 300)
    before = lake.latest()
    for path in lake.root.glob("index.sqlite*"):
        path.unlink()
    assert lake.latest().equals(before)  # of what this lake holds
    assert Lake(lake.root).latest().equals(before)
    assert reads == [1, 1]


def test_the_last_answer_is_held_for_as_long_as_the_files_are_the_same(lake, append, reads):
    append("KRW-BTC", 0, 300)
    append("KRW-ETH", 0, 300)
    lake.latest()
    assert set(lake.index.held_ends) == {each.folder for each in lake._chosen(None, "1m")}
    assert lake.latest("KRW-BTC").equals(expected(lake, 200).filter(pl.col("symbol") == "KRW-BTC"))
    append("KRW-BTC", 300, 1, lake=Lake(lake.root), close=9.0)
    assert lake.latest(count=3).equals(expected(lake, 3))
    assert lake.latest("KRW-BTC", count=1)["close"].to_list() == [9.0]


def test_a_series_that_is_gone_is_not_remembered(lake, append):
    append("KRW-BTC", 0, 300)
    lake.latest()
    next(lake.root.glob("candles/*/*/*/2024-02.parquet")).unlink()
    assert lake.latest().equals(empty(ROW))


def test_a_file_whose_pages_rotted_is_named(lake, append):
    append("KRW-BTC", 0, 300)
    append("KRW-ETH", 0, 300)
    path = next(lake.root.glob("candles/*/*/series=KRW-ETH/2024-02.parquet"))
    content = bytearray(path.read_bytes())
    content[4:400] = bytes(396)
    path.write_bytes(content)
    with pytest.warns(Incomplete, match="KRW-ETH"):
        assert set(lake.latest()["symbol"]) == {"KRW-BTC"}
    with pytest.raises(CorruptFile, match="KRW-ETH"):
        lake.latest("KRW-ETH")


def test_a_frozen_set_has_its_own_latest_and_is_not_written_to(lake, append):
    append("KRW-BTC", 0, 300)
    before = lake.latest()
    lake.freeze("then")
    append("KRW-BTC", 300, 5, close=7.0)
    folder = lake.root / "snapshots" / "then"
    files = sorted(folder.rglob("*"))
    assert lake.as_of("then").latest().equals(before)
    assert not lake.latest().equals(before)
    assert sorted(folder.rglob("*")) == files


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "9"])
def test_a_count_that_is_none_is_refused(lake, count):
    with pytest.raises(InputError, match=r"at least one|write count=9, without quotes"):
        lake.latest(count=count)


def test_the_count_does_not_come_first_any_more(lake):
    with pytest.raises(WrongArgument, match="write count=5"):
        lake.latest(5)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(SYMBOLS), st.integers(-12, 8), st.integers(1, 8), st.integers(1, 12)
        ),
        max_size=12,
    )
)
def test_the_latest_are_the_ends_of_what_is_read(tmp_path_factory, append, monkeypatch, steps):
    """Appends anywhere, each followed by a look at some length, in two processes' places."""
    monkeypatch.setattr(hot, "KEPT", 5)
    root = tmp_path_factory.mktemp("lake")
    lakes = Lake(root), Lake(root)
    for at, (symbol, first, length, count) in enumerate(steps):
        append(symbol, first, length, lake=lakes[at % 2], close=float(at + 1))
        lake = lakes[at % 3 % 2]
        assert lake.latest(count=count).equals(expected(lake, count))
