"""The archive is one source of a backfill: what it has comes from there, and REST has the rest."""

from __future__ import annotations

import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.cli.main import main
from marketkit.data.lake.lake import Lake
from marketkit.errors import InputError
from marketkit.timeframe import parse_time
from tests.archive.ingesting import DAYS, END, START, STEM, asked, filled, provider, sandbox
from tests.waiting import PATIENCE

FEBRUARY = "KRW-BTC_candle-60m_202502.zip"


@pytest.fixture
def exchange():
    with sandbox() as one:
        yield one


@pytest.fixture(autouse=True)
def _accepted(monkeypatch):
    monkeypatch.setenv("MARKETKIT_ARCHIVE_TERMS", "accepted")


def rest_pages(exchange):
    return [each for each in exchange.requests() if "/v1/candles/" in each["path"]]


def test_months_and_single_days_come_from_the_archive_and_today_from_rest(exchange, tmp_path):
    report = filled(exchange, tmp_path / "lake", start="2025-02-01")
    assert report.complete, report
    assert sorted(asked(exchange)) == [FEBRUARY, *(f"{STEM}{day}.zip" for day in DAYS)]
    assert report.archive.files == 5
    # One page for today, and one for each month that is compared.
    assert len(rest_pages(exchange)) <= 4


def test_a_lake_of_the_archive_is_the_lake_of_rest(exchange, tmp_path):
    filled(exchange, tmp_path / "a", start="2025-02-01")
    filled(exchange, tmp_path / "b", start="2025-02-01", archive=False)
    filled(exchange, tmp_path / "c", start="2025-02-20", end="2025-03-02T07:00", archive=False)
    mixed = filled(exchange, tmp_path / "c", start="2025-02-01")
    assert mixed.complete
    assert mixed.revisions == 0
    lakes = [Lake(tmp_path / name) for name in "abc"]
    window = parse_time("2025-02-01"), parse_time(END)
    first, *others = [lake.read("KRW-BTC", "1h", *window) for lake in lakes]
    assert first.height > 700
    for other in others:
        assert first.equals(other)
    first, *others = [lake.covered("KRW-BTC", "1h").clip(*window) for lake in lakes]
    assert all(first == other for other in others)


def test_nothing_is_asked_for_twice(exchange, tmp_path):
    filled(exchange, tmp_path / "lake")
    before = len(asked(exchange)), len(asked(exchange, ".checksum"))
    assert filled(exchange, tmp_path / "lake").complete
    assert (len(asked(exchange)), len(asked(exchange, ".checksum"))) == before


def test_a_market_that_the_archive_does_not_list_comes_from_rest(exchange, tmp_path):
    exchange.strike("unlisted", None, path="archive")
    report = filled(exchange, tmp_path / "lake")
    assert report.complete, report
    assert report.archive.files == 0
    assert asked(exchange) == []


def test_a_width_that_the_archive_has_not_comes_from_rest(exchange, tmp_path):
    report = filled(exchange, tmp_path / "lake", width="1y", start="2020-01-01", end="2024-01-01")
    assert report.complete, report
    assert asked(exchange) == []


def test_a_plan_shows_both_ways_and_asks_for_no_file(exchange, tmp_path):
    with provider(exchange, tmp_path / "lake") as mk:
        plan = mk.plan("KRW-BTC", "1h", start="2025-02-01", end=END, archive=True)
        row = plan.frame.row(0, named=True)
        assert row["files"] == 5
        assert row["zip_mb"] > 0
        assert row["left_slots"] == 9
        assert row["left_requests"] == 1
        assert row["requests"] == 4
        assert row["archive_seconds"] > 0
        assert "with the archive 5 files" in repr(plan)
        assert asked(exchange) == []
        assert plan.run().wait(PATIENCE).archive.files == 5


def test_a_plan_takes_no_candles_from_before_the_first_file_for_certain(exchange, tmp_path):
    with provider(exchange, tmp_path / "lake") as mk:
        plan = mk.plan("KRW-APT", "1h", start="2020-01-01", end=END, archive=True)
    row = plan.frame.row(0, named=True)
    assert row["left_slots"] > 1000
    assert row["left_requests"] == 3 + 1


def test_a_plan_without_the_archive_is_as_it_was(exchange, tmp_path):
    with provider(exchange, tmp_path / "lake") as mk:
        plan = mk.plan("KRW-BTC", "1h", start=START, end=END)
    assert "files" not in plan.frame.columns
    assert "archive" not in repr(plan)


def test_without_consent_nothing_begins(exchange, tmp_path, monkeypatch):
    monkeypatch.delenv("MARKETKIT_ARCHIVE_TERMS")
    with provider(exchange, tmp_path / "lake") as mk:
        with pytest.raises(InputError, match="MARKETKIT_ARCHIVE_TERMS=accepted"):
            mk.backfill("KRW-BTC", "1h", start=START, end=END, archive=True, show=False)
        plan = mk.plan("KRW-BTC", "1h", start=START, end=END, archive=True)
        with pytest.raises(InputError, match="accept that in a terminal"):
            plan.run()
    assert asked(exchange) == []


def test_a_region_without_an_archive_says_so(tmp_path):
    with (
        SmartDataProvider(region="sg", lake=tmp_path, offline=True) as mk,
        pytest.raises(InputError, match="only Upbit Korea has one"),
    ):
        mk.backfill("SGD-BTC", "1h", start=START, end=END, archive=True)


def test_zips_are_kept_in_a_folder_that_is_named(exchange, tmp_path):
    filled(exchange, tmp_path / "lake", keep=tmp_path / "zips")
    kept = sorted(each.name for each in (tmp_path / "zips").rglob("*.zip"))
    assert kept == [f"{STEM}{day}.zip" for day in DAYS]
    with (
        provider(exchange, tmp_path / "other") as mk,
        pytest.raises(InputError, match="pass archive=True"),
    ):
        mk.backfill("KRW-BTC", "1h", start=START, end=END, keep=tmp_path / "zips")


def test_the_command_line_asks_for_the_archive(exchange, tmp_path, capsys):
    words = ["KRW-BTC", "--timeframe", "1h", "--start", START, "--end", "2025-03-05", "--archive"]
    where = ["--endpoint", exchange.endpoint, "--lake", str(tmp_path / "lake")]
    assert main(["plan", *words, *where]) == 0
    assert "with the archive 4 files" in capsys.readouterr().out
    assert main(["backfill", *words, *where]) == 0
    assert "archive: 4 files" in capsys.readouterr().out
    assert len(asked(exchange)) == 4


def test_a_file_asks_for_the_archive(exchange, tmp_path):
    config = tmp_path / "backfill.toml"
    universe = '[[universe]]\nsymbols = ["KRW-BTC"]\ndepth = { 1h = "4d" }\n'
    config.write_text(f"archive = true\n{universe}")
    where = ["--endpoint", exchange.endpoint, "--lake", str(tmp_path / "lake")]
    assert main(["backfill", "--config", str(config), *where]) == 0
    assert len(asked(exchange)) == 4
