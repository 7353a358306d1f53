"""Another lake's candles, proofs, revisions and lists come in, and nothing that is known goes out."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketkit.cli.main import main
from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.errors import (
    CorruptFile,
    Incomplete,
    InputError,
    NewerFormat,
    NotWritable,
    UnknownSymbol,
)
from marketkit.schema import MARKET, ROW, TIME, empty
from marketkit.timeframe import MINUTE, parse_time

JANUARY = parse_time("2024-01-01")
SEEN = parse_time("2024-02-01")
SERIES = "candles/source=upbit/timeframe=1min/series="


def at(slot: int) -> int:
    return JANUARY + slot * MINUTE


def spans(*slots: tuple[int, int]) -> Spans:
    return Spans((at(start), at(end)) for start, end in slots)


def rows(slots, symbol="KRW-BTC", close=100.0, **numbers) -> pl.DataFrame:
    """Make a candle in each slot, counted in minutes from January on."""
    values = {**dict.fromkeys(("open", "high", "low", "close"), close), "volume": 1.0, **numbers}
    frame = pl.DataFrame({"time": [at(slot) for slot in slots]}, {"time": pl.Int64})
    columns = {"value": 100.0, **values}
    return frame.with_columns(
        pl.col("time").cast(TIME),
        pl.lit(symbol).alias("symbol"),
        *(pl.lit(value, pl.Float64).alias(name) for name, value in columns.items()),
    ).select(*ROW)


def keep(lake: Lake, start: int, end: int, symbol="KRW-BTC", *, without=(), **numbers) -> Lake:
    """Prove a span of slots: all with the same candle, except those `without` one."""
    slots = [slot for slot in range(start, end) if slot not in without]
    frame = rows(slots, symbol, **numbers)
    lake.append(symbol, "1m", frame, spans((start, end)), seen_at=SEEN)
    return lake


def tree(folder: Path) -> dict[str, str]:
    """Describe every file of a folder by its bytes."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def lake(tmp_path):
    """Ten minutes of a market, the fourth of them silent."""
    return keep(Lake(tmp_path / "lake"), 0, 10, without=(3,))


@pytest.fixture
def other(tmp_path):
    """Twenty minutes of the same market from the sixth on, one told otherwise, and another one."""
    other = keep(Lake(tmp_path / "other"), 5, 25, without=(6, 15))
    return keep(other, 0, 5, "KRW-ETH", without=(2,))


def close(lake: Lake, symbol="KRW-BTC") -> dict[int, float]:
    found = lake.read(symbol, "1m")
    slots = (found["time"].dt.epoch("ms") - JANUARY) // MINUTE
    return dict(zip(slots, found["close"], strict=True))


def test_unknown_slots_are_filled_and_what_differs_is_counted_and_listed(lake, other):
    before = close(lake)
    report = lake.merge(other.root)
    assert lake.covered("KRW-BTC", "1m") == spans((0, 25))
    assert lake.covered("KRW-ETH", "1m") == spans((0, 5))
    assert {slot: price for slot, price in close(lake).items() if slot < 10} == before
    assert sorted(close(lake)) == [slot for slot in range(25) if slot not in (3, 15)]
    assert (report.slots, report.candles, report.differing, report.revisions) == (20, 18, 1, 0)
    assert report.complete
    listed = report.differences.filter(column="close").row(0, named=True)
    assert (listed["symbol"], listed["lake"], listed["other"]) == ("KRW-BTC", 100.0, None)
    assert listed["time"].strftime("%H:%M") == "00:06"
    assert lake.revisions().is_empty()
    assert lake.audit().is_empty()
    assert report.series.filter(symbol="KRW-ETH").row(0)[4:6] == (5, 4)


def test_with_the_other_preferred_its_word_is_a_revision(lake, other):
    report = lake.merge(other, prefer="other")
    assert 6 not in close(lake)
    assert (report.differing, report.revisions) == (1, 6)
    assert lake.revisions().filter(column="close").row(0)[4:6] == (100.0, None)
    again = lake.merge(other, prefer="other")
    assert (again.slots, again.differing, again.revisions) == (0, 0, 0)


def test_a_report_is_worth_reading(lake, other):
    text = repr(lake.merge(other, dry_run=True))
    assert f"dry run of a merge of {other.root} into {lake.root}" in " ".join(text.split())
    said = " ".join(text.split())
    assert "20 slots of 2 series, 18 of them with candles" in said
    assert "1 slots that both know: this lake's stay (prefer=\"other\" takes the other's)" in said
    assert "KRW-ETH" in said
    lake.merge(other)
    assert "nothing: this lake knows all of it" in " ".join(repr(lake.merge(other)).split())
    assert "the other's are taken" in " ".join(repr(lake.merge(other, prefer="other")).split())
    assert "<table" in lake.merge(other)._repr_html_()


def test_a_dry_run_writes_nothing_and_says_the_same(lake, other):
    files = tree(lake.root), tree(other.root)
    told = lake.merge(other.root, dry_run=True)
    assert (tree(lake.root), tree(other.root)) == files
    done = lake.merge(other.root)
    assert tree(other.root) == files[1]
    assert done.series.equals(told.series)
    assert done.differences.equals(told.differences)
    assert Lake(lake.root.parent / "new").merge(other.root, dry_run=True).slots == 25
    assert not (lake.root.parent / "new").exists()


def test_a_new_lake_is_made_of_another_one(tmp_path, other):
    new = Lake(tmp_path / "new")
    assert new.merge(other).slots == 25
    assert new.diff(other).is_empty()


def test_the_time_before_a_listing_comes_along_where_nothing_speaks_against_it(tmp_path):
    lake = keep(Lake(tmp_path / "lake"), 10, 20)
    other = keep(Lake(tmp_path / "other"), 10, 12)
    other.append("KRW-BTC", "1m", empty(ROW), Spans(), nothing_before=at(10))
    lake.merge(other)
    assert lake.nothing_before("KRW-BTC", "1m") == at(10)
    assert not lake.missing("KRW-BTC", "1m", at(-999), at(20))
    other.append("KRW-BTC", "1m", empty(ROW), Spans(), nothing_before=at(10), rests_on="months")
    lake.merge(other)
    assert lake.catalog()["rests_on"].to_list() == ["months"]
    older = keep(Lake(tmp_path / "older"), 0, 5)
    older.merge(other)
    assert older.nothing_before("KRW-BTC", "1m") is None


def test_candles_from_before_a_proved_listing_are_listed_and_not_taken(tmp_path):
    lake = keep(Lake(tmp_path / "lake"), 10, 20)
    lake.append("KRW-BTC", "1m", empty(ROW), Spans(), nothing_before=at(10))
    other = keep(Lake(tmp_path / "other"), 0, 10, without=(0,))
    report = lake.merge(other)
    assert (report.slots, report.differing) == (0, 9)
    assert lake.covered("KRW-BTC", "1m") == spans((10, 20))
    assert lake.merge(other, prefer="other").differing == 9
    assert lake.covered("KRW-BTC", "1m") == spans((0, 20))


def test_a_turnover_that_one_does_not_know_is_no_difference_and_erases_none(tmp_path):
    lake = keep(Lake(tmp_path / "lake"), 0, 4, value=None)
    other = keep(Lake(tmp_path / "other"), 0, 4)
    assert lake.merge(other).differing == 0
    assert lake.read("KRW-BTC", "1m")["value"].null_count() == 4
    assert other.merge(lake, prefer="other").differing == 0
    assert other.read("KRW-BTC", "1m")["value"].null_count() == 0
    assert lake.merge(other, prefer="other").revisions == 0
    assert lake.read("KRW-BTC", "1m")["value"].null_count() == 0


def test_a_slot_that_is_not_over_is_left_out_whoever_claims_it(tmp_path, lake):
    other = keep(Lake(tmp_path / "other"), 10, 20)
    lake.clock = lambda: at(14) + 30_000
    assert lake.merge(other).slots == 4
    assert lake.covered("KRW-BTC", "1m") == spans((0, 14))


def test_revisions_come_with_the_candles_they_tell_of(lake, other):
    keep(other, 20, 21, close=105.0)  # known as 100 before
    keep(other, 8, 9, close=105.0)  # here that is still 100
    report = lake.merge(other)
    logged = lake.revisions().filter(column="close")
    assert [each.minute for each in logged["time"]] == [20]
    assert logged.row(0)[4:6] == (100.0, 105.0)
    assert logged["seen_at"].dt.epoch("ms").to_list() == [SEEN]
    assert report.history == 4  # open, high, low and close
    assert lake.finality()["candles"].to_list() == [1]
    again = lake.merge(other)
    assert (again.slots, again.history) == (0, 0)
    assert lake.revisions().height == 4
    taken = lake.merge(other, prefer="other")
    assert (taken.history, taken.revisions) == (4, 10)
    assert lake.audit().is_empty()


def test_logs_of_two_lakes_are_one_in_the_order_of_their_moments(tmp_path):
    def lake(name, *told):
        made = Lake(tmp_path / name)
        for price, minutes in told:
            frame = rows([0], volume=price)
            made.append("KRW-BTC", "1m", frame, spans((0, 1)), seen_at=SEEN + minutes * MINUTE)
        return made

    ours = lake("ours", (1.0, 0), (2.0, 10), (3.0, 30))
    theirs = lake("theirs", (1.0, 0), (2.0, 20), (3.0, 25))
    ours.merge(theirs)
    seen = ours.revisions()
    minutes = (seen["seen_at"].dt.epoch("ms") - SEEN) // MINUTE
    assert list(zip(seen["new"], minutes, strict=True)) == [(2.0, 10), (3.0, 25)]


def test_daily_market_lists_come_along(lake, other):
    markets = pl.DataFrame({"symbol": ["KRW-OLD"], "quote": ["KRW"], "base": ["OLD"]})
    listed = pl.concat([empty(MARKET), markets], how="diagonal")
    other.universe.keep(listed, parse_time("2024-01-03"), make=True)
    other.universe.keep(listed, parse_time("2024-01-04"), make=True)
    lake.universe.keep(listed.clear(), parse_time("2024-01-04"), make=True)
    assert lake.merge(other, dry_run=True).lists == 1
    assert lake.merge(other, symbols="KRW-ETH").lists == 0
    assert lake.merge(other).lists == 1
    assert lake.universe.days() == [date(2024, 1, 3), date(2024, 1, 4)]
    assert "KRW-OLD" in lake.universe.chronicle().ended


def test_a_candle_that_nobody_proved_comes_along_unproved(lake, other, tmp_path):
    path = tmp_path / "download.csv"
    times = [f"2024-01-01T00:{minute}:00Z,7,7,7,7,1,7" for minute in (30, 31)]
    path.write_text("\n".join(["time,open,high,low,close,volume,value", *times]) + "\n")
    taken = other.import_(path, symbol="KRW-XRP", timeframe="1m")
    assert taken.unsettled.height == 1
    told = lake.merge(other, dry_run=True)
    assert lake.unsettled("KRW-XRP").is_empty()
    done = lake.merge(other)
    assert (told.unsettled, done.unsettled) == (1, 1)
    assert "1 candles that nobody proved yet" in repr(done)
    assert lake.covered("KRW-XRP", "1m") == spans((30, 31))
    with pytest.raises(InputError, match="candles that nobody proved: merge"):
        lake.merge(other.root / "unsettled")
    assert lake.unsettled("KRW-XRP")["time"].dt.minute().to_list() == [31]
    assert lake.merge(other).unsettled == 0
    keep(lake, 31, 32, "KRW-XRP")
    assert lake.unsettled("KRW-XRP").is_empty()


@pytest.mark.parametrize("way", ["name", "folder", "lake"])
def test_a_frozen_set_is_a_lake_too(lake, tmp_path, way):
    lake.freeze("paper")
    side = {
        "name": "paper",
        "folder": lake.root / "snapshots" / "paper",
        "lake": lake.as_of("paper"),
    }[way]
    keep(lake, 0, 2, close=200.0)
    report = lake.merge(side)
    assert (report.slots, report.differing) == (0, 2)
    lake.drop("KRW-BTC", "1m")
    assert lake.merge(side).slots == 10
    assert close(lake) == {slot: 100.0 for slot in range(10) if slot != 3}
    with pytest.raises(NotWritable, match="frozen set"):
        lake.as_of("paper").merge(Lake(tmp_path / "lake"))


def test_some_markets_and_widths_are_taken_where_they_are_named(lake, other):
    with pytest.raises(UnknownSymbol, match="KRW-ETH"):
        lake.merge(other, symbols="KRW-ETT")
    assert lake.merge(other, timeframe="1h").slots == 0
    assert lake.merge(other, symbols=["KRW-E*"], timeframe="1m").slots == 5
    assert lake.covered("KRW-BTC", "1m") == spans((0, 10))


def spoil(other: Lake, how: str) -> None:
    """Damage a chunk of the market that comes first, of which there are two."""
    keep(other, 31 * 1440, 31 * 1440 + 5)
    path = other.root / f"{SERIES}KRW-BTC" / "2024-02.parquet"
    content = path.read_bytes()
    path.unlink()
    flipped = bytes([content[40] ^ 4])
    path.write_bytes(
        {
            "page": content[:40] + flipped + content[41:],
            "footer": content[:-30] + bytes([content[-30] ^ 4]) + content[-29:],
            "half": content[: len(content) // 2],
            "nothing": b"",
            "stranger": b"PAR1 no more PAR1",
        }[how]
    )


@pytest.mark.parametrize("how", ["page", "footer", "half", "nothing", "stranger"])
def test_of_a_series_with_a_damaged_file_nothing_is_taken_and_the_others_are(lake, other, how):
    spoil(other, how)
    files = tree(lake.root / f"{SERIES}KRW-BTC")
    with pytest.warns(Incomplete, match="KRW-BTC 1m of .* is left out: .*2024-02.parquet"):
        report = lake.merge(other.root)
    assert tree(lake.root / f"{SERIES}KRW-BTC") == files
    assert lake.covered("KRW-ETH", "1m") == spans((0, 5))
    (failure,) = report.failures.values()
    assert isinstance(failure, CorruptFile)
    assert list(report.failures) == [("KRW-BTC", "1m")]
    assert not report.complete
    assert "2024-02.parquet" in repr(report).replace("\n", "").replace(" ", "")
    assert lake.audit().is_empty()


def test_a_damaged_file_or_log_of_this_lake_stays_as_it_is_and_the_others_go_on(lake, other):
    keep(lake, 31 * 1440, 31 * 1440 + 5)
    keep(lake, 0, 1, close=101.0)
    keep(other, 8, 9, close=105.0)
    path = lake.root / "revisions/source=upbit/timeframe=1min/KRW-BTC.ndjson"
    path.write_bytes(b"no revision\n" + path.read_bytes())
    files = tree(lake.root / "candles")
    with pytest.warns(Incomplete, match=r"KRW-BTC 1m of .* is left out: .*ndjson, line 1"):
        lake.merge(other, prefer="other")
    assert (
        tree(lake.root / f"{SERIES}KRW-BTC").items()
        <= {
            name.removeprefix("source=upbit/timeframe=1min/series=KRW-BTC/"): digest
            for name, digest in files.items()
        }.items()
    )
    assert lake.covered("KRW-ETH", "1m") == spans((0, 5))


def test_a_damaged_chunk_of_this_lake_is_not_written_over(lake, other):
    (path,) = (lake.root / f"{SERIES}KRW-BTC").glob("*.parquet")
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:40] + bytes([content[40] ^ 4]) + content[41:])
    files = tree(lake.root / f"{SERIES}KRW-BTC")
    with pytest.warns(Incomplete, match="`marketkit lake repair` sets it aside"):
        report = lake.merge(other)
    assert tree(lake.root / f"{SERIES}KRW-BTC") == files
    assert list(report.failures) == [("KRW-BTC", "1m")]
    lake.repair()
    assert lake.merge(other).complete
    assert lake.covered("KRW-BTC", "1m") == spans((5, 25))


def test_what_is_no_other_lake_is_refused_in_a_sentence(lake, other, tmp_path):
    before = tree(lake.root / "candles")
    (tmp_path / "link").symlink_to(lake.root)
    for same in (lake, lake.root, tmp_path / "link", None):
        with pytest.raises(InputError, match="is this lake itself"):
            lake.merge(same)
    with pytest.raises(InputError, match=r"neither a frozen set of .* nor the folder of a lake"):
        lake.merge(tmp_path)
    with pytest.raises(InputError, match="there is no lake in"):
        lake.merge(Lake(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"prefer='others'; did you mean 'other'\?"):
        lake.merge(other, prefer="others")
    abroad = Lake(tmp_path / "abroad", source="upbit_sg")
    abroad.append("SGD-BTC", "1m", rows([0], "SGD-BTC"), spans((0, 1)))
    for side in (abroad, abroad.root):
        with pytest.raises(InputError, match="has candles of upbit_sg, this lake is one of upbit"):
            lake.merge(side)
    (other.root / "lake.json").write_text('{"format": 99, "library": "9.0"}')
    for side in (other, other.root, str(other.root)):
        with pytest.raises(NewerFormat, match="format 99"):
            lake.merge(side)
    assert tree(lake.root / "candles") == before


def test_an_older_copy_of_this_lake_brings_what_was_lost(lake, tmp_path):
    shutil.copytree(lake.root, tmp_path / "copy")
    keep(lake, 10, 20)
    lake.drop("KRW-BTC", "1m")
    keep(lake, 15, 20)
    report = lake.merge(tmp_path / "copy")
    assert (report.slots, report.differing) == (10, 0)
    assert lake.covered("KRW-BTC", "1m") == spans((0, 10), (15, 20))


# What a lake knows of each slot: nothing, that it is empty, or the close of its candle.
states = st.lists(st.sampled_from([None, "empty", 100.0, 200.0]), min_size=8, max_size=8)


def known(root: Path, told) -> Lake:
    """Make a lake that knows a state of each slot, around the new year."""
    lake = Lake(root)
    lake.require_writable()
    slots = [slot for slot, state in enumerate(told, -4) if state is not None]
    prices = {slot: state for slot, state in enumerate(told, -4) if isinstance(state, float)}
    frames = [rows([slot], close=price) for slot, price in prices.items()]
    covering = spans(*((slot, slot + 1) for slot in slots))
    lake.append("KRW-BTC", "1m", pl.concat([empty(ROW), *frames]), covering)
    return lake


def said(lake: Lake) -> list[object]:
    prices, covered = close(lake), lake.covered("KRW-BTC", "1m")
    return [prices.get(slot, "empty") if at(slot) in covered else None for slot in range(-4, 4)]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(states, states)
def test_no_merge_changes_a_known_slot_and_none_is_claimed_that_neither_knew(
    tmp_path_factory, ours, theirs
):
    folder = tmp_path_factory.mktemp("merge")
    lake, other = known(folder / "lake", ours), known(folder / "other", theirs)
    pairs = list(zip(ours, theirs, strict=True))
    report = lake.merge(other)
    assert said(lake) == [b if a is None else a for a, b in pairs]
    assert report.slots == sum(a is None and b is not None for a, b in pairs)
    assert report.differing == sum(None not in (a, b) and a != b for a, b in pairs)
    lake.merge(other, prefer="other")
    assert said(lake) == [a if b is None else b for a, b in pairs]
    assert other.merge(lake).differing == 0
    shutil.rmtree(folder)


def run(capsys, *words: object) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_the_command_line_shows_merges_and_merges(lake, other, tmp_path, capsys):
    where = ("--lake", lake.root)
    code, out, err = run(capsys, "lake", "merge", other.root, "--dry-run", *where)
    assert (code, err) == (0, "")
    assert "20 slots of 2 series" in out
    assert "KRW-ETH" in out
    assert lake.covered("KRW-BTC", "1m") == spans((0, 10))
    code, out, _ = run(capsys, "lake", "merge", other.root, "--symbols", "KRW-E*", "--json", *where)
    told = json.loads(out)
    assert (code, told["slots"], told["candles"], told["differing"]) == (0, 5, 4, 0)
    assert told["series"][0]["start"] == "2024-01-01T00:00:00Z"
    words = ("lake", "merge", other.root, "--timeframe", "1m", "--prefer", "other", "--json")
    told = json.loads(run(capsys, *words, *where)[1])
    assert (told["slots"], told["revisions"], told["failures"]) == (15, 6, {})
    assert {each["column"] for each in told["differences"]} >= {"open", "close"}
    lake.freeze("paper")
    assert run(capsys, "lake", "merge", "paper", *where)[0] == 0


@pytest.mark.filterwarnings("default")
def test_the_command_line_names_what_it_refuses_and_what_it_leaves_out(
    lake, other, tmp_path, capsys
):
    where = ("--lake", lake.root)
    code, out, err = run(capsys, "lake", "merge", lake.root, *where)
    assert (code, out) == (2, "")
    assert err == f"marketkit: {lake.root} is this lake itself: name another one to merge\n"
    code, _, err = run(capsys, "lake", "merge", tmp_path / "nowhere", *where)
    assert code == 2
    assert "neither a frozen set" in err
    spoil(other, "page")
    code, out, err = run(capsys, "lake", "merge", other.root, *where)
    assert code == 3
    assert "KRW-BTC 1m" in err
    assert "2024-02.parquet" in err
    assert "left out" in out
    assert lake.covered("KRW-ETH", "1m") == spans((0, 5))
    code, out, err = run(capsys, "lake", "merge", other.root, "--json", *where)
    assert code == 3
    assert "2024-02.parquet" in json.loads(out)["failures"]["KRW-BTC 1m"]
