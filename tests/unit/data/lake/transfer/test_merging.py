"""A merge goes series by series: one that fails is no failure of the others, a full disk of all."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.store.index import UnkeptIndex
from marketkit.data.lake.transfer.merging import (
    MergeTerms,
    merge,
    refuse_no_lake,
    refuse_other_source,
    refuse_same,
    untouched,
)
from marketkit.errors import InputError, NotWritable, UnknownTimeframe
from marketkit.timeframe import MINUTE
from tests.unit.data.lake.conftest import make_candles

NOW = 1 << 42  # ms: after everything here


def keep(lake: Lake, start: int, symbol: str = "KRW-BTC", count: int = 3) -> Lake:
    times = range(start, start + count * MINUTE, MINUTE)
    lake.append(symbol, "1m", make_candles(times, symbol), Spans([(start, times.stop)]))
    return lake


@pytest.fixture
def other(tmp_path, january):
    other = keep(Lake(tmp_path / "other"), january + MINUTE)
    return keep(other, january, "KRW-ETH")


def test_all_series_of_the_other_lake_are_merged(lake, other, january):
    keep(lake, january)
    report = merge(lake, other, MergeTerms(NOW))
    assert report.series.select("symbol", "slots", "candles").rows() == [
        ("KRW-BTC", 1, 1),
        ("KRW-ETH", 3, 3),
    ]
    assert merge(lake, other, MergeTerms(NOW)).slots == 0


def test_the_terms_are_checked(lake, other):
    with pytest.raises(InputError, match="prefer='mine'"):
        MergeTerms(NOW, prefer="mine")
    with pytest.raises(UnknownTimeframe):
        merge(lake, other, MergeTerms(NOW, timeframe="1x"))
    assert merge(lake, other, MergeTerms(NOW, symbols=["KRW-ETH"])).slots == 3


def test_a_lake_that_takes_no_writes_is_no_failure_of_a_series(lake, other, january):
    keep(lake, january).freeze("set")
    with pytest.raises(NotWritable):
        merge(lake.as_of("set"), other, MergeTerms(NOW))
    assert merge(lake.as_of("set"), other, MergeTerms(NOW, dry_run=True)).slots == 4


def test_no_index_is_written_where_the_other_lake_lies(lake, other, january):
    (other.root / "index.sqlite").unlink()
    for path in other.root.glob("index.sqlite-*"):
        path.unlink()
    assert merge(lake, Lake(other.root), MergeTerms(NOW)).slots == 6
    assert not list(other.root.glob("index.sqlite*"))
    assert isinstance(untouched(other).index, UnkeptIndex)
    keep(lake, january).freeze("set")
    frozen = lake.as_of("set")
    assert untouched(frozen) is frozen


def test_what_is_no_lake_the_same_or_of_another_exchange_is_refused(lake, other, tmp_path):
    keep(lake, 0)
    with pytest.raises(InputError, match="there is no lake in"):
        refuse_no_lake(Lake(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="this lake itself"):
        refuse_same(lake, Lake(lake.root))
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "candles").symlink_to(lake.root / "candles")
    with pytest.raises(InputError, match="this lake itself"):
        refuse_same(lake, Lake(tmp_path / "second"))
    refuse_same(lake, other)
    with pytest.raises(InputError, match="has candles of upbit, this lake is one of upbit_sg"):
        refuse_other_source(Lake(tmp_path / "sg", source="upbit_sg"), Lake(other.root))
    refuse_other_source(lake, other)


class _Closed(UnkeptIndex):
    """The index of a lake of which somebody else owns the folder of hours."""

    def stored(self, source, timeframe):
        if timeframe.name == "1h":
            raise PermissionError(13, "Permission denied")
        return super().stored(source, timeframe)


def test_a_width_that_cannot_be_listed_is_named_and_the_others_are_merged(lake, other):
    other.index = _Closed(other.root)
    report = merge(lake, other, MergeTerms(NOW))
    assert report.slots == 6
    assert list(report.failures) == [("all", "1h")]
    assert "1h candles of" in str(report.failures["all", "1h"])
