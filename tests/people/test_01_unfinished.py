"""A candle that was not over when a file was written is shown, marked, asked again; never proof."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.sandbox import Sandbox
from marketkit.timeframe import DAY, HOUR, MINUTE, parse_time
from tests.integration.conftest import FAST_LIMITS
from tests.people.given import HEADER, candles, minutes, row, write
from tests.unit.data.lake.conftest import make_candles

START = parse_time("2024-01-01")
TOLD = {"symbol": "KRW-BTC", "timeframe": "1m"}


def spans(start: int, end: int) -> Spans:
    return Spans([(START + start * MINUTE, START + end * MINUTE)])


@pytest.fixture
def ten(tmp_path) -> Path:
    """Ten minutes, written years later."""
    return candles(tmp_path / "ten.csv", dict.fromkeys(minutes("2024-01-01", 10), 100.0))


def test_the_newest_row_of_a_file_is_given_and_marked_and_not_proved(lake, ten):
    came = lake.import_(ten, **TOLD)
    assert lake.covered("KRW-BTC", "1m") == came.covering == spans(0, 9)
    assert lake.read("KRW-BTC", "1m").height == lake.scan(None, "1m").collect().height == 10
    assert lake.latest(count=3)["time"].dt.minute().to_list() == [7, 8, 9]
    (mark,) = lake.unsettled().rows(named=True)
    assert (mark["time"].minute, mark["state"]) == (9, "forming")
    assert came.unsettled["time"].dt.minute().to_list() == [9]
    assert "1 unsettled: shown, and asked again (settled=True" in repr(came)
    assert lake.missing("KRW-BTC", "1m", START, START + 10 * MINUTE) == spans(9, 10)


def test_who_asks_a_lake_for_what_is_forming_is_given_it_with_the_mark(lake, ten):
    lake.import_(ten, **TOLD)
    with SmartDataProvider(endpoint="http://127.0.0.1:9", lake=lake.root) as one:
        closed = one.get_candle(["KRW-BTC"], "1m", start="2024-01-01", source="lake")
        assert (closed.height, set(closed["state"])) == (9, {"closed"})
        told = {"start": "2024-01-01", "source": "lake", "forming": True}
        shown = one.get_candle(["KRW-BTC"], "1m", **told)
        assert shown["state"].to_list() == ["closed"] * 9 + ["forming"]
        filled = one.get_candle(["KRW-BTC"], "1m", **told, fill="forward")
        assert filled["state"].to_list() == ["closed"] * 9 + ["forming"]


def test_who_knows_better_says_so(lake, ten):
    came = lake.import_(ten, **TOLD, settled=True)
    assert lake.covered("KRW-BTC", "1m") == spans(0, 10)
    assert came.unsettled.is_empty()
    assert lake.unsettled().is_empty()


@pytest.mark.parametrize("covering", ["rows", "range", ("2024-01-01", "2024-01-02")])
def test_a_slot_that_ends_after_the_file_was_written_is_never_claimed(lake, tmp_path, covering):
    path = tmp_path / "cut.csv"
    candles(path, dict.fromkeys(minutes("2024-01-01", 10), 100.0), written=START + 7 * MINUTE - 1)
    came = lake.import_(path, **TOLD, covering=covering)
    assert came.covering == spans(0, 6)
    assert came.unsettled.height == 4
    assert lake.read("KRW-BTC", "1m").height == 10


def test_a_slot_that_still_runs_is_not_claimed_whoever_knows_better(lake, ten):
    lake.clock = lambda: START + 10 * MINUTE - 1
    came = lake.import_(ten, **TOLD, settled=True)
    assert came.covering == spans(0, 9)
    assert came.unsettled.height == 1


def test_a_file_with_states_says_itself_what_is_proved(lake, tmp_path):
    states = ["closed", "empty", "forming", "closed", "unknown", "closed"]
    times = minutes("2024-01-01", 6)
    lines = [f"{row(time)},{said}" for time, said in zip(times, states, strict=True)]
    lines[1] = lines[1].replace("100.0,100.0,100.0,100.0,1.5,7.25", ",,,,,")
    path = write(tmp_path / "states.csv", lines, header=f"{HEADER},state")
    came = lake.import_(path, **TOLD)
    assert came.covering == spans(0, 2) | spans(3, 4) | spans(5, 6)
    assert (came.empty, came.left_out, came.unsettled.height) == (1, 2, 0)
    assert lake.read("KRW-BTC", "1m")["time"].dt.minute().to_list() == [0, 3, 5]
    ranged = Lake(tmp_path / "other").import_(path, **TOLD, covering="range")
    assert ranged.covering == came.covering


def test_a_newer_file_settles_the_end_of_an_older_one(lake, tmp_path, ten):
    lake.import_(ten, **TOLD)
    times = minutes("2024-01-01T00:09", 3)
    lines = [row(times[0], 100.0, volume=2.5), *map(row, times[1:])]
    came = lake.import_(write(tmp_path / "next.csv", lines), **TOLD)
    assert (came.changed, came.revisions, came.differences.height) == (2, 0, 0)
    assert lake.read("KRW-BTC", "1m")["volume"].to_list() == [1.5] * 9 + [2.5] + [1.5] * 2
    assert lake.unsettled()["time"].dt.minute().to_list() == [11]
    assert lake.revisions().is_empty()


def test_of_files_in_one_call_the_settled_row_of_a_slot_counts(lake, tmp_path, ten):
    times = minutes("2024-01-01T00:09", 3)
    more = write(tmp_path / "more.csv", [row(times[0], volume=2.5), *map(row, times[1:])])
    for order in ([ten, more], [more, ten]):
        lake = Lake(tmp_path / f"of-{order[0].stem}")
        came = lake.import_(order, **TOLD)
        assert came.covering == spans(0, 11)
        assert lake.read("KRW-BTC", "1m")["volume"][9] == 2.5


def test_an_unsettled_row_hides_nothing_that_the_lake_knows(lake, tmp_path, ten):
    lake.import_(ten, **TOLD, settled=True)
    path = write(tmp_path / "late.csv", [row(minutes("2024-01-01T00:09", 1)[0], volume=9.0)])
    came = lake.import_(path, **TOLD, prefer="file")
    assert (came.changed, came.revisions, came.unsettled.height) == (0, 0, 0)
    assert lake.read("KRW-BTC", "1m")["volume"].to_list() == [1.5] * 10


def test_a_market_of_which_only_an_unsettled_row_is_there_is_given_too(lake, tmp_path, ten):
    path = candles(tmp_path / "one.csv", dict.fromkeys(minutes("2024-01-01", 1), 5.0))
    lake.import_(path, symbol="KRW-ETH", timeframe="1m")
    lake.import_(ten, **TOLD)
    assert lake.read(None, "1m")["symbol"].unique().sort().to_list() == ["KRW-BTC", "KRW-ETH"]
    assert lake.audit().is_empty()
    lake.drop("KRW-ETH", "1m")
    assert lake.read("KRW-ETH", "1m").is_empty()


def test_a_backfill_asks_again_for_what_ran_and_takes_the_number_of_the_exchange(tmp_path):
    with (
        Sandbox(seed=1, now="2026-11-20T10:17:30", limit=(1000, 1.0), speed=0) as exchange,
        SmartDataProvider(
            endpoint=exchange.endpoint, lake=tmp_path / "lake", limits=FAST_LIMITS
        ) as provider,
    ):
        saved = parse_time("2026-11-20T09:59:20")
        first = parse_time("2026-11-20T09:00")
        rows = exchange.candles("KRW-BTC", "1m", first, saved)
        running = pl.col("time") == pl.col("time").max()
        rows = rows.with_columns(volume=pl.when(running).then(1e-8).otherwise("volume"))
        path = tmp_path / "saved.parquet"
        rows.write_parquet(path)
        lake = Lake(tmp_path / "lake")
        lake.clock = lambda: parse_time("2026-11-20T10:17:30")
        came = lake.import_(path, symbol="KRW-BTC", timeframe="1m", tz="UTC")
        assert came.unsettled["volume"].to_list() == [1e-8]
        provider.backfill("KRW-BTC", "1m", start="2026-11-20T09:00", end="2026-11-20T10:00").wait()
        truth = exchange.candles("KRW-BTC", "1m", first, parse_time("2026-11-20T10:00"))
        assert lake.read("KRW-BTC", "1m", first)["volume"].to_list() == truth["volume"].to_list()
        assert lake.unsettled().is_empty()
        assert lake.revisions().is_empty()


def test_a_day_that_its_hours_contradict_is_a_finding_of_import_and_audit(lake, tmp_path):
    hours = make_candles(range(START, START + 2 * DAY, HOUR), volume=106.5, value=10_650.0)
    lake.append("KRW-BTC", "1h", hours, Spans([(START, START + 2 * DAY)]))
    lines = [row(START, volume=2556.0, value=None), row(START + DAY, volume=498.0, value=None)]
    path = write(tmp_path / "days.csv", lines)
    said = "1d: 1 of 1 slots are not what 1h candles add up to (volume), the first at 2024-01-02"
    came = lake.import_(path, symbol="KRW-BTC", timeframe="1d")
    assert came.findings == ()
    assert came.unsettled["volume"].to_list() == [498.0]
    (found,) = lake.audit().rows(named=True)
    assert (found["finding"], found["timeframe"]) == ("differs", "1d")
    assert found["detail"].startswith(f"unsettled: {said}")
    came = lake.import_(path, symbol="KRW-BTC", timeframe="1d", settled=True)
    assert came.findings[0].startswith(said)
    assert said in repr(came)
    assert lake.audit()["finding"].to_list() == ["differs"]


def test_hours_that_a_day_contradicts_are_a_finding_though_some_are_silent(lake, tmp_path):
    lake.append("KRW-BTC", "1d", make_candles([START], volume=498.0), Spans([(START, START + DAY)]))
    lines = [row(START + each * HOUR, volume=106.5, value=None) for each in range(20)]
    came = lake.import_(write(tmp_path / "hours.csv", lines), symbol="KRW-BTC", timeframe="1h")
    assert came.findings[0].startswith("1d: 1 of 1 slots are not what 1h candles add up to")
    assert lake.audit()["finding"].to_list() == ["differs"]


def test_an_export_has_what_is_proved_and_a_repair_mends_what_lies_beside(lake, tmp_path, ten):
    lake.import_(ten, **TOLD)
    assert lake.export(tmp_path / "out.parquet", "KRW-BTC") == 9
    (path,) = (lake.root / "unsettled").rglob("2024-01.parquet")
    path.write_bytes(path.read_bytes()[:-9])
    (found,) = Lake(lake.root).audit().rows(named=True)
    assert found["path"].startswith("unsettled/candles/")
    assert Lake(lake.root).repair()["action"].to_list() == ["set aside"]
    assert Lake(lake.root).read("KRW-BTC", "1m").height == 9


def test_the_command_says_what_is_not_settled(command, lake, ten):
    code, out, _ = command("import", ten, "--symbol", "KRW-BTC", "--timeframe", "1m")
    assert code == 0
    assert "9 slots claimed, 0 of them empty" in out
    assert "1 unsettled: shown, and asked again" in out
    assert lake.covered("KRW-BTC", "1m") == spans(0, 9)


def test_who_knows_better_says_so_on_the_command_line(command, lake, ten):
    told = ("--symbol", "KRW-BTC", "--timeframe", "1m")
    code, out, _ = command("import", ten, *told, "--settled")
    assert (code, "10 slots claimed" in out) == (0, True)
    assert lake.covered("KRW-BTC", "1m") == spans(0, 10)
