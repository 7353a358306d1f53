"""How candles enter the lake, and what is left when a writer dies or has company."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest
from filelock import FileLock

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.format.chunk import Stamp
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store import write as writing
from marketkit.data.lake.store.index import Index
from marketkit.errors import CorruptFile, InputError, LakeError, NewerFormat, NotWritable
from marketkit.schema import ROW, empty
from marketkit.timeframe import TIMEFRAMES
from tests.unit.data.lake.conftest import make_candles

MINUTE = 60_000
SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
APPENDER = Path(__file__).parents[1] / "appender.py"
APPENDING = runpy.run_path(str(APPENDER))
make_page, PAGES, FEBRUARY = APPENDING["make_page"], APPENDING["PAGES"], APPENDING["FEBRUARY"]


def start(*arguments: object) -> subprocess.Popen[str]:
    """Start the appender; the repository is on its path as it is on ours."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, str(APPENDER), *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def run(*arguments: object) -> tuple[int, str]:
    with start(*arguments) as process:
        printed, _ = process.communicate(timeout=120)
    return process.returncode, printed


def everything(root: Path) -> tuple[pl.DataFrame, Spans, int | None]:
    lake = Lake(root)
    return (
        lake.read("KRW-BTC", "1m"),
        lake.covered("KRW-BTC", "1m"),
        lake.nothing_before("KRW-BTC", "1m"),
    )


def files_of(root: Path) -> list[str]:
    return sorted(path.name for path in (root / SERIES.folder).iterdir())


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """A lake with the old page."""
    root = tmp_path_factory.mktemp("before")
    rows, covering = make_page(*PAGES["old"])
    Lake(root).append("KRW-BTC", "1m", rows, covering)
    return root


@pytest.fixture(scope="module")
def after(before, tmp_path_factory):
    """A lake with both pages, and how many lines it took to append the new one."""
    root = tmp_path_factory.mktemp("after")
    shutil.copytree(before, root, dirs_exist_ok=True)
    code, printed = run(root, "page", "new", 0)
    assert code == 0
    return everything(root), int(printed)


def check_left_by_the_dead(after: object, root: Path) -> None:
    """Nothing may be lost or claimed where a writer was killed, and the next run mends all."""
    old, new = (make_page(*PAGES[name]) for name in ("old", "new"))
    rows, covered, _ = everything(root)
    assert old[1] <= covered <= old[1] | new[1]
    fresh = rows.join(new[0], on=list(ROW), how="semi")
    kept = rows.join(old[0], on=list(ROW), how="semi")
    assert fresh.height + kept.height == rows.height, "a row that nobody wrote"
    times = set(rows["time"].cast(pl.Int64))
    slots = {slot for part in covered for slot in range(*part, MINUTE)}
    assert times == {slot for slot in slots if (slot - FEBRUARY) // MINUTE % 3}, "a false claim"
    Lake(root).append("KRW-BTC", "1m", *new, nothing_before=FEBRUARY - 20 * MINUTE)
    assert everything(root)[0].equals(after[0])
    assert everything(root)[1:] == after[1:]
    assert files_of(root) == ["2024-01.parquet", "2024-02.parquet"]


def kill_at_lines(lines: list[int], before: Path, after: object, folder: Path) -> None:
    for line in lines:
        shutil.copytree(before, folder / str(line))
    code, printed = run(folder, "dying", "new", *lines)
    assert code == 0
    assert json.loads(printed) == [9] * len(lines), "a line was not reached"
    for line in lines:
        check_left_by_the_dead(after, folder / str(line))


def test_a_writer_killed_anywhere_costs_work_and_never_data(before, after, tmp_path):
    state, count = after
    kill_at_lines([1 + count * each // 8 for each in range(8)], before, state, tmp_path)


@pytest.mark.slow
def test_a_writer_killed_at_every_twentieth_line_costs_work_and_never_data(before, after, tmp_path):
    state, count = after
    kill_at_lines(list(range(1, count + 1, 20)), before, state, tmp_path)


def test_two_processes_writing_one_series_lose_nothing(tmp_path):
    with start(tmp_path, "pages", 0, 2, 20) as even, start(tmp_path, "pages", 1, 2, 20) as odd:
        assert even.wait(120) == odd.wait(120) == 0
    rows, covering = make_page(0, 200, 1.0)
    assert everything(tmp_path)[0].equals(rows)
    assert everything(tmp_path)[1] == covering


def test_reading_never_fails_while_another_process_replaces_the_files(tmp_path):
    rows, covering = make_page(-60, 0, 1.0)
    lake = Lake(tmp_path)
    lake.append("KRW-BTC", "1m", rows, covering)
    reads, seen = 0, 0
    with start(tmp_path, "pages", -12, 1, 60) as writer:
        while writer.poll() is None or reads == 0:
            covered = lake.covered("KRW-BTC", "1m").total
            found = lake.read("KRW-BTC", "1m")
            assert found.height >= max(seen, covered // MINUTE * 2 // 3 - 1)
            seen, reads = found.height, reads + 1
        assert writer.returncode == 0
    assert lake.read("KRW-BTC", "1m").equals(make_page(-60, 240, 1.0)[0])


def test_threads_of_one_process_lose_nothing_either(tmp_path):
    lake = Lake(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        pages = [make_page(number * 5, number * 5 + 5, 1.0) for number in range(24)]
        list(pool.map(lambda page: lake.append("KRW-BTC", "1m", *page), pages))
    assert lake.read("KRW-BTC", "1m").equals(make_page(0, 120, 1.0)[0])


def test_temporary_files_of_the_dead_go_with_the_next_write(tmp_path):
    lake = Lake(tmp_path)
    rows, covering = make_page(0, 5, 1.0)
    lake.append("KRW-BTC", "1m", rows, covering)
    litter = tmp_path / SERIES.folder / "2024-02.parquet.999999.beef.tmp"
    litter.write_bytes(b"half a file")
    lake.append("KRW-BTC", "1m", rows, covering)
    assert files_of(tmp_path) == ["2024-02.parquet"]


def test_a_page_without_news_rewrites_nothing(tmp_path):
    lake = Lake(tmp_path)
    rows, covering = make_page(-5, 5, 1.0)
    assert lake.append("KRW-BTC", "1m", rows, covering).rows == rows.height
    paths = sorted((tmp_path / SERIES.folder).iterdir())
    before = [Stamp.of(path.stat()) for path in paths]
    assert lake.append("KRW-BTC", "1m", rows, covering, nothing_before=None) == (0, 0)
    assert [Stamp.of(path.stat()) for path in paths] == before


def test_only_the_chunks_with_news_are_rewritten(tmp_path):
    lake = Lake(tmp_path)
    lake.append("KRW-BTC", "1m", *make_page(-5, 5, 1.0))
    january, february = sorted((tmp_path / SERIES.folder).iterdir())
    stamps = Stamp.of(january.stat()), Stamp.of(february.stat())
    rows, covering = make_page(-5, 8, 1.0)
    assert lake.append("KRW-BTC", "1m", rows, covering) == (2, 0)
    assert Stamp.of(january.stat()) == stamps[0]
    assert Stamp.of(february.stat()) != stamps[1]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rows: rows.with_columns(close=pl.lit(float("nan"))),
        lambda rows: rows.with_columns(pl.col("time").dt.offset_by("1d")),
        lambda rows: rows.drop("value"),
    ],
)
def test_a_bad_page_is_refused_before_the_lake_exists(tmp_path, spoil):
    rows, covering = make_page(0, 5, 1.0)
    with pytest.raises(InputError):
        Lake(tmp_path / "lake").append("KRW-BTC", "1m", spoil(rows), covering)
    assert not (tmp_path / "lake").exists()


def test_a_page_that_says_nothing_writes_nothing(tmp_path):
    assert Lake(tmp_path / "lake").append("KRW-BTC", "1m", empty(ROW), Spans()) == (0, 0)
    assert not (tmp_path / "lake").exists()


def test_a_root_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("here first")
    with pytest.raises(NotWritable, match="file"):
        Lake(tmp_path / "file" / "lake").append("KRW-BTC", "1m", *make_page(0, 5, 1.0))


def test_a_full_disk_is_told_and_leaves_the_old_rows(tmp_path, monkeypatch):
    lake = Lake(tmp_path)
    rows, covering = make_page(0, 5, 1.0)
    lake.append("KRW-BTC", "1m", rows, covering)

    def full(*_given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(NotWritable, match="No space"):
        lake.append("KRW-BTC", "1m", *make_page(0, 9, 2.0))
    monkeypatch.undo()
    assert lake.read("KRW-BTC", "1m").equals(rows)
    assert files_of(tmp_path) == ["2024-02.parquet"]


def test_a_newer_lake_is_not_written(tmp_path):
    (tmp_path / "lake.json").write_text('{"format": 3}')
    with pytest.raises(NewerFormat):
        Lake(tmp_path).append("KRW-BTC", "1m", *make_page(0, 5, 1.0))
    assert [each.name for each in tmp_path.iterdir()] == ["lake.json"]


def test_a_corrupt_chunk_is_never_written_over(tmp_path):
    lake = Lake(tmp_path)
    lake.append("KRW-BTC", "1m", *make_page(0, 5, 1.0))
    path = tmp_path / SERIES.path("2024-02")
    path.write_bytes(b"rot")
    with pytest.raises(CorruptFile, match=r"2024-02\.parquet"):
        lake.append("KRW-BTC", "1m", *make_page(0, 9, 2.0))
    assert path.read_bytes() == b"rot"


def test_a_writer_that_never_lets_go_is_told_of_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_WAIT", 0.01)
    lake = Lake(tmp_path)
    lake.append("KRW-BTC", "1m", *make_page(0, 5, 1.0))
    with (
        FileLock(tmp_path / SERIES.lock),
        pytest.raises(LakeError, match="another writer has held"),
    ):
        lake.append("KRW-BTC", "1m", *make_page(5, 9, 1.0))
    lake.append("KRW-BTC", "1m", *make_page(5, 9, 1.0))


def test_an_index_that_cannot_be_told_does_not_fail_the_write(tmp_path, monkeypatch):
    def forget(self, *given, **named):
        del self, given, named

    monkeypatch.setattr(Index, "put", forget)
    rows, covering = make_page(0, 5, 1.0)
    lake = Lake(tmp_path)
    assert lake.append("KRW-BTC", "1m", rows, covering).rows == rows.height
    monkeypatch.undo()
    assert lake.covered("KRW-BTC", "1m") == covering


def test_the_moment_before_which_there_is_nothing_only_moves_forward(tmp_path):
    lake = Lake(tmp_path)
    for moment, held in [(7, 7), (3, 7), (9, 9)]:
        lake.append("KRW-BTC", "1m", empty(ROW), Spans(), nothing_before=FEBRUARY + moment * MINUTE)
        assert lake.nothing_before("KRW-BTC", "1m") == FEBRUARY + held * MINUTE


def said_of(lake):
    known = lake.select("KRW-BTC", "1m").known("KRW-BTC")
    moment = known.nothing_before
    return None if moment is None else (moment - FEBRUARY) // MINUTE, known.rests_on


def begin(lake, at, rests_on="one answer", page=None):
    moment, page = FEBRUARY + at * MINUTE, page or (empty(ROW), Spans())
    lake.append("KRW-BTC", "1m", *page, nothing_before=moment, rests_on=rests_on)
    return said_of(lake)


def test_the_same_moment_rests_on_the_best_evidence_there_was(tmp_path):
    lake = Lake(tmp_path)
    assert begin(lake, 7) == (7, "one answer")
    assert begin(lake, 7, "months") == (7, "months")
    assert begin(lake, 7) == begin(lake, 7, "two answers") == (7, "months")
    lake.append("KRW-BTC", "1m", *make_page(7, 9, 1.0))
    assert said_of(Lake(tmp_path)) == (7, "months")
    assert begin(lake, 9) == (9, "one answer")


def test_a_beginning_of_one_answer_that_candles_contradict_gives_way_to_a_confirmed_one(tmp_path):
    lake = Lake(tmp_path)
    begin(lake, 7)
    assert begin(lake, -9, "two answers") == (7, "one answer")
    lake.append("KRW-BTC", "1m", *make_page(-5, 7, 1.0))
    assert begin(lake, -9) == (7, "one answer")
    assert begin(lake, -9, "two answers") == (-9, "two answers")
    assert said_of(Lake(tmp_path)) == (-9, "two answers")
    assert lake.missing("KRW-BTC", "1m", FEBRUARY - 20 * MINUTE, FEBRUARY + 7 * MINUTE) == Spans(
        [(FEBRUARY - 9 * MINUTE, FEBRUARY - 5 * MINUTE)]
    )


def test_the_candles_that_contradict_a_beginning_may_come_with_the_confirmed_one(tmp_path):
    lake = Lake(tmp_path)
    begin(lake, 7)
    assert begin(lake, -5, "months", make_page(-5, 7, 1.0)) == (-5, "months")


def test_a_confirmed_beginning_gives_way_to_later_ones_only(tmp_path):
    lake = Lake(tmp_path)
    begin(lake, 7, "two answers")
    lake.append("KRW-BTC", "1m", *make_page(-5, 7, 1.0))
    assert begin(lake, -5, "months") == (7, "two answers")


def test_a_word_that_is_none_is_refused(tmp_path):
    with pytest.raises(InputError, match="two answers"):
        begin(Lake(tmp_path), 7, "two anwsers")
    assert Lake(tmp_path).catalog().is_empty()


def test_the_moment_lies_in_the_chunk_that_holds_it_and_survives_its_rewriting(tmp_path):
    lake = Lake(tmp_path)
    moment = FEBRUARY - 5 * MINUTE
    lake.append("KRW-BTC", "1m", empty(ROW), Spans(), nothing_before=moment)
    assert files_of(tmp_path) == ["2024-01.parquet"]
    lake.append("KRW-BTC", "1m", *make_page(-5, 5, 1.0))
    assert files_of(tmp_path) == ["2024-01.parquet", "2024-02.parquet"]
    assert lake.nothing_before("KRW-BTC", "1m") == moment


def test_a_page_may_count_for_unknown_slots_alone(tmp_path):
    lake = Lake(tmp_path)
    minute = 60_000
    lake.append("KRW-BTC", "1m", make_candles([0]), Spans([(0, 2 * minute)]))
    page = make_candles([0, minute, 2 * minute], volume=9.0)
    written = lake.append("KRW-BTC", "1m", page, Spans([(0, 4 * minute)]), only_unknown=True)
    assert written == (1, 0)
    assert lake.read("KRW-BTC", "1m")["volume"].to_list() == [1.0, 9.0]
    assert lake.covered("KRW-BTC", "1m") == Spans([(0, 4 * minute)])
    assert lake.revisions().is_empty()
