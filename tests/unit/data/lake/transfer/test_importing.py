"""Files of candles from elsewhere: what is taken in, what is claimed, and what is refused."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime

import polars as pl
import pytest

import marketkit as mk
from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.errors import InputError

MINUTE = 60_000
HEADER = "time,open,high,low,close,volume,value"


def lines(*times, close=100.0, header=HEADER):
    """Make a CSV of flat candles."""
    row = f"{close},{close},{close},{close},1.5,7.25"
    return "\n".join([header, *(f"{time},{row}" for time in times)]) + "\n"


def minutes(*numbers):
    return [f"2024-01-01T00:{number:02d}:00Z" for number in numbers]


def spans(january, *pairs):
    return Spans((january + start * MINUTE, january + end * MINUTE) for start, end in pairs)


@pytest.fixture
def given(lake, tmp_path):
    """Import a text as a CSV."""

    def take(text, **options):
        path = tmp_path / "given.csv"
        path.write_text(text)
        told = {"symbol": "KRW-BTC", "timeframe": "1m", "settled": True, "prefer": "file"}
        return lake.import_(path, **(told | options))

    return take


def test_a_file_is_taken_in_and_said_what_came_of_it(given, lake, january):
    came = given(lines(*minutes(0, 1, 2)))
    assert (came.rows, came.distinct, came.changed, came.revisions, came.slots) == (3, 3, 3, 0, 3)
    assert lake.covered("KRW-BTC", "1m") == came.covering == spans(january, (0, 3))
    assert lake.read("KRW-BTC", "1m").row(0)[2:] == (100.0, 100.0, 100.0, 100.0, 1.5, 7.25)
    assert repr(came).splitlines() == [
        "import of given.csv as KRW-BTC 1m, 2024-01-01T00:00:00Z to 2024-01-01T00:03:00Z",
        "  3 rows, 3 distinct, 3 new or changed; 0 revised",
        "  3 slots claimed, 0 of them empty",
    ]


def test_by_rows_only_the_slots_with_rows_are_claimed(given, lake, january):
    came = given(lines(*minutes(7, 0, 3, 4)))
    assert came.covering == spans(january, (0, 1), (3, 5), (7, 8))
    assert came.slots == 4
    assert lake.covered("KRW-BTC", "1m") == came.covering


def test_by_range_every_slot_from_the_first_to_the_last_is_claimed(given, lake, january):
    came = given(lines(*minutes(7, 0, 3, 4)), covering="range")
    assert came.covering == lake.covered("KRW-BTC", "1m") == spans(january, (0, 8))
    assert "8 slots claimed, 4 of them empty" in repr(came)


def test_months_are_claimed_whole(given, lake):
    came = given(lines("2024-03-01", "2024-02-01", "2024-05-01"), timeframe="1M", tz="UTC")
    starts = [
        [datetime.fromtimestamp(edge // 1000, UTC).month for edge in span] for span in came.covering
    ]
    assert starts == [[2, 4], [5, 6]]


def test_a_changed_candle_is_a_revision_and_the_others_stay(given, lake):
    given(lines(*minutes(0, 1, 2)))
    came = given(lines(*minutes(1)).replace(",1.5,", ",2.5,"))
    assert (came.changed, came.revisions) == (1, 1)
    assert lake.read("KRW-BTC", "1m")["volume"].to_list() == [1.5, 2.5, 1.5]
    assert lake.revisions().select("column", "old", "new").rows() == [("volume", 1.5, 2.5)]


def test_what_a_range_lacks_has_vanished_and_what_rows_lack_has_not(given, lake):
    given(lines(*minutes(0, 1, 2)))
    assert given(lines(*minutes(0, 2))).revisions == 0
    assert lake.read("KRW-BTC", "1m").height == 3
    assert given(lines(*minutes(0, 2)), covering="range").revisions == 6
    assert lake.read("KRW-BTC", "1m").height == 2


def test_rows_may_come_in_any_order_and_more_than_once(given, lake):
    came = given(lines(*minutes(5, 2, 2, 0, 5)))
    assert (came.rows, came.distinct) == (5, 3)
    assert lake.read("KRW-BTC", "1m")["time"].dt.minute().to_list() == [0, 2, 5]


def refused(lake, given, text, match, **options):
    """Nothing may be written by an import that is refused."""
    with pytest.raises(InputError, match=match) as caught:
        given(text, **options)
    assert lake.catalog().is_empty()
    return str(caught.value)


def test_two_different_candles_of_one_time_are_refused(given, lake):
    text = lines(*minutes(0, 1)) + lines(*minutes(1), close=101.0).split("\n", 1)[1]
    said = refused(lake, given, text, "two different candles of 2024-01-01T00:01:00Z")
    assert "100.0" in said
    assert "101.0" in said


def test_a_time_between_slots_is_refused_with_its_row(given, lake):
    text = lines("2024-01-01T00:00:00Z", "2024-01-01T00:01:30Z")
    refused(lake, given, text, r"no slot of 1m; the first is row 2: 2024-01-01T00:01:30Z")


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ("100,99,98,100,1,1", "high is not the highest"),
        ("100,100,101,100,1,1", "high is not the highest|low is not the lowest"),
        ("0,0,0,0,1,1", "not positive"),
        ("1,1,1,1,-1,1", "negative"),
        ("1,1,1,1,inf,1", "not finite"),
        ("1,1,1,,1,1", "a null"),
        ("1,1,1,one,1,1", "is no number"),
    ],
)
def test_impossible_candles_are_refused(given, lake, row, rule):
    refused(lake, given, f"{HEADER}\n{minutes(0)[0]},{row}\n", f"given.csv: .*({rule})")


@pytest.mark.parametrize(
    ("narrow", "times"),
    [
        ("1m", [f"2024-01-01T{hour:02d}:00:00Z" for hour in range(4)]),
        ("1m", [f"2024-01-01T00:{minute:02d}:00Z" for minute in range(0, 30, 3)]),
        ("1h", [f"2024-01-{day:02d}T15:00:00Z" for day in (1, 2, 4, 9)]),
        ("1d", [f"2024-{month:02d}-01T00:00:00Z" for month in (1, 2, 3, 4, 6)]),
    ],
)
def test_a_wider_timeframe_is_not_taken_for_a_narrow_one(given, lake, narrow, times):
    said = refused(lake, given, lines(*times), f"these are no {narrow} candles", timeframe=narrow)
    assert "say timeframe=" in said


@pytest.mark.parametrize("times", [minutes(0, 3), minutes(0, 30), minutes(1), minutes(0, 3, 6, 10)])
def test_a_few_rows_that_lie_far_apart_are_no_wider_timeframe(given, times):
    assert given(lines(*times)).changed == len(times)


def test_a_narrow_timeframe_is_not_taken_for_a_wide_one(given, lake):
    refused(lake, given, lines(*minutes(0, 1)), "no slot of 1h", timeframe="1h")


def test_a_file_that_contradicts_most_of_what_is_known_is_another_symbol_or_zone(given, lake):
    given(
        "\n".join(
            [HEADER, *(f"{t},{n},{n},{n},{n},1,1" for n, t in enumerate(minutes(*range(40)), 1))]
        )
    )
    before = lake.read("KRW-BTC", "1m")
    with pytest.raises(InputError, match=r"30 of the 30 candles .* another symbol or time zone"):
        given(lines(*minutes(*range(30)), close=0.5))
    assert lake.read("KRW-BTC", "1m").equals(before)
    assert lake.revisions().is_empty()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"covering": "all"}, "covering='all'"),
        ({"symbol": "btc"}, "not a symbol"),
        ({"timeframe": "2m"}, "unknown timeframe"),
        ({"tz": "Asia/Soul"}, "unknown time zone"),
        ({"columns": {"prize": "close"}}, "no 'prize' .one of time open"),
        ({"columns": {"close": "clse"}}, "no column 'clse' for close; did you mean 'close'"),
    ],
)
def test_a_wrong_argument_is_refused(given, lake, options, match):
    refused(lake, given, lines(*minutes(0)), match, **options)


def test_candles_before_the_exchange_and_after_now_are_refused(given, lake):
    refused(lake, given, lines("1969-12-31T23:59:00Z"), "before Upbit began")
    lake.clock = lambda: 1_704_067_259_999
    refused(lake, given, lines(*minutes(0, 1)), "row 2 lies in the future: 2024-01-01T00:01:00Z")


def test_a_missing_time_is_refused_with_its_row(given, lake):
    refused(lake, given, lines(*minutes(0), ""), "row 2 has no time")


def test_nothing_is_written_where_nothing_was(given, lake):
    with pytest.raises(InputError):
        given(lines("2024-01-01T00:00:30Z"))
    assert not lake.root.exists()


def test_a_lake_is_filled_through_the_public_name_too(tmp_path):
    path = tmp_path / "given.csv"
    path.write_text(lines(*minutes(0)))
    told = {"symbol": "KRW-BTC", "timeframe": "1m", "settled": True}
    assert mk.Lake(tmp_path / "other").import_(path, **told).changed == 1
    assert Lake(tmp_path / "other").catalog()["rows"].to_list() == [1]


def test_a_month_of_single_minutes_is_claimed_in_good_time(lake, tmp_path, candles, january):
    rows = candles(range(january, january + 20_000 * 2 * MINUTE, 2 * MINUTE))
    rows = pl.concat([rows, candles([january + MINUTE])])
    path = tmp_path / "thin.parquet"
    rows.write_parquet(path)
    came = lake.import_(path, symbol="KRW-BTC", timeframe="1m", settled=True)
    assert (came.changed, len(came.covering)) == (20_001, 19_999)


class Terminal(io.StringIO):
    """A screen that a bar is drawn on."""

    def isatty(self) -> bool:
        """Say that somebody looks."""
        return True


def test_a_long_import_shows_a_bar_and_a_short_one_none(lake, tmp_path, monkeypatch):
    folder = tmp_path / "folder"
    folder.mkdir()
    for each in range(3):
        (folder / f"{each}.csv").write_text(lines(*minutes(each)))
    told = {"symbol": "KRW-BTC", "timeframe": "1m", "settled": True}
    monkeypatch.setattr(sys, "stderr", Terminal())
    lake.import_(folder, **told)
    assert sys.stderr.getvalue() == ""
    monkeypatch.setattr("marketkit.progress._PATIENCE", 0.0)
    monkeypatch.setattr("marketkit.progress._BAR_EVERY", 0.0)
    lake.import_(folder, **told)
    said = sys.stderr.getvalue()
    assert "] import:  33%  1 candles in 0s" in said
    assert said.endswith("import: 100%  3 candles in 0s, done\n")
