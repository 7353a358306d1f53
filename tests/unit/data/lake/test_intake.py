"""The lake takes files in, gives what nobody proved yet, and drops both together."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.transfer.imported import Imported, Imports
from marketkit.errors import InputError, WrongArgument
from marketkit.timeframe import MINUTE
from tests.unit.data.lake.conftest import make_candles


@pytest.fixture
def file(tmp_path, january):
    """Three minutes of two markets."""
    path = tmp_path / "two.parquet"
    times = [january + n * MINUTE for n in range(3)]
    rows = [make_candles(times, symbol) for symbol in ("KRW-BTC", "KRW-ETH")]
    rows[0].vstack(rows[1]).write_parquet(path)
    return path


def test_one_market_is_one_report_and_all_are_several(lake, file):
    one = lake.import_(file, symbol="KRW-BTC", timeframe="1m", dry_run=True)
    assert isinstance(one, Imported)
    assert (one.changed, one.dry_run, lake.root.exists()) == (2, True, False)
    both = lake.import_(str(file), timeframe="1m")
    assert isinstance(both, Imports)
    assert [each.symbol for each in both] == ["KRW-BTC", "KRW-ETH"]


def test_the_market_may_be_spelt_as_elsewhere(lake, file):
    assert lake.import_(file, symbol="BTC/KRW", timeframe="1m").symbol == "KRW-BTC"
    with pytest.raises(InputError, match="not a symbol: 'bitcoin'"):
        lake.import_(file, symbol="bitcoin", timeframe="1m")
    with pytest.raises(WrongArgument, match="timeframe"):
        lake.import_(file, symbol="KRW-BTC")


def test_what_a_dry_run_says_comes_true(lake, file, tmp_path, january):
    lake.import_(file, symbol="KRW-BTC", timeframe="1m", settled=True)
    other = tmp_path / "other.parquet"
    make_candles([january + n * MINUTE for n in range(1, 5)], volume=2.0).write_parquet(other)
    for prefer in ("lake", "file"):
        told = {"symbol": "KRW-BTC", "timeframe": "1m", "prefer": prefer, "settled": True}
        before = lake.read("KRW-BTC", "1m")
        would = lake.import_(other, **told, dry_run=True)
        assert lake.read("KRW-BTC", "1m").equals(before)
        came = lake.import_(other, **told)
        assert (would.changed, would.revisions) == (came.changed, came.revisions)
        assert would.differences.equals(came.differences)


def test_unsettled_candles_are_given_with_their_state_and_dropped(lake, file):
    lake.import_(file, timeframe="1m")
    assert lake.unsettled()["symbol"].to_list() == ["KRW-BTC", "KRW-ETH"]
    assert lake.unsettled("KRW-ETH").select("state").rows() == [("forming",)]
    assert lake.unsettled(timeframe="1h").is_empty()
    lake.drop(["KRW-ETH"], "1m")
    assert lake.unsettled()["symbol"].to_list() == ["KRW-BTC"]
    assert lake.read(None, "1m")["symbol"].unique().to_list() == ["KRW-BTC"]


def with_minutes(root, start, count, close=100.0, *, seen_at=1):
    one = Lake(root)
    times = range(start, start + count * MINUTE, MINUTE)
    covered = Spans([(start, times.stop)])
    one.append("KRW-BTC", "1m", make_candles(times, close=close), covered, seen_at=seen_at)
    return one


def closes(lake):
    return lake.read("KRW-BTC", "1m")["close"].to_list()


def test_a_lake_that_is_not_there_yet_is_made_by_a_push_and_a_pull_takes_nothing_twice(
    tmp_path, january
):
    mine, shared = with_minutes(tmp_path / "mine", january, 3), tmp_path / "shared"
    dry = mine.push(shared, dry_run=True)
    assert (dry.slots, shared.exists()) == (3, False)
    told = mine.push(shared)
    assert (told.slots, told.into, told.other) == (3, shared, mine.root)
    assert mine.push(shared).slots == mine.pull(shared).slots == 0
    assert Lake(shared).read(None, "1m").equals(mine.read(None, "1m"))
    assert Lake(shared).audit().is_empty()


def test_two_lakes_that_push_and_pull_know_the_same(tmp_path, january):
    one = with_minutes(tmp_path / "one", january, 3)
    other = with_minutes(tmp_path / "other", january + 5 * MINUTE, 2)
    shared = tmp_path / "shared"
    one.push(shared)
    other.push(shared)
    assert one.pull(shared).slots == 2
    assert other.pull(shared, symbols=["KRW-BTC"], timeframe="1m").slots == 3
    end = january + 7 * MINUTE
    both = Spans([(january, january + 3 * MINUTE), (january + 5 * MINUTE, end)])
    for lake in (one, other, Lake(shared)):
        assert lake.covered("KRW-BTC", "1m") == both


def test_the_word_that_was_seen_to_change_last_counts_on_both_sides(tmp_path, january):
    """Slot 0 was changed here alone, slot 1 there alone, slot 2 on both sides, slot 3 by nobody."""
    mine = with_minutes(tmp_path / "mine", january, 4, 100.0)
    theirs = with_minutes(tmp_path / "theirs", january, 3, 100.0)
    with_minutes(theirs.root, january + 3 * MINUTE, 1, 400.0)
    with_minutes(mine.root, january, 1, 110.0, seen_at=5_000)
    with_minutes(theirs.root, january + MINUTE, 1, 120.0, seen_at=5_000)
    with_minutes(mine.root, january + 2 * MINUTE, 1, 131.0, seen_at=7_000)
    with_minutes(theirs.root, january + 2 * MINUTE, 1, 132.0, seen_at=6_000)
    here, there = Lake(mine.root), Lake(theirs.root)
    assert here.pull(theirs.root, dry_run=True).differing == 4
    told = here.pull(there)
    assert (told.differing, told.slots, told.prefer) == (4, 0, "newer")
    assert closes(here) == [110.0, 120.0, 131.0, 100.0]
    assert here.push(theirs.root).differing == 3
    assert closes(Lake(theirs.root)) == [110.0, 120.0, 131.0, 400.0]  # nobody knows who is right
    assert here.pull(theirs.root).differing == 1
    assert closes(here) == [110.0, 120.0, 131.0, 100.0]
    for lake in (here, Lake(theirs.root)):
        assert lake.audit().is_empty()


def test_a_push_into_the_lake_itself_is_refused(tmp_path, january):
    mine = with_minutes(tmp_path / "mine", january, 1)
    with pytest.raises(InputError, match="is this lake itself"):
        mine.push(mine.root)
    with pytest.raises(InputError, match="nor the folder of a lake"):
        mine.pull(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no lake"):
        Lake(tmp_path / "nothing").push(mine.root)
