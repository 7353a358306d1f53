"""Files go from an archive into a lake, and who fails leaves the others alone."""

from __future__ import annotations

import pytest

from marketkit.coverage import Span
from marketkit.data.fetch.archive.ingest import Ingest
from marketkit.data.fetch.archive.lookup import look_all_up
from marketkit.data.fetch.archive.run import ArchiveRun
from marketkit.net.archive.archive import Archive
from marketkit.net.archive.basket import Basket
from marketkit.settings import resolve_archive
from marketkit.timeframe import DAY, TIMEFRAMES, parse_time

HOURS = TIMEFRAMES["1h"]
SPAN = Span(parse_time("2026-03-07"), parse_time("2026-03-10"))
NAMES = ["KRW-BTC", "KRW-ETH"]


@pytest.fixture(autouse=True)
def _accepted(monkeypatch):
    monkeypatch.setenv("MARKETKIT_ARCHIVE_TERMS", "accepted")


@pytest.fixture
def taken(fetch, exchange, tmp_path):
    """Take in all that is lacking, and give the lake, the run and the result."""

    def take(span=SPAN, verify=Span(0, 0)):  # noqa: B008 - a constant
        async def main(filler, run):
            result = ArchiveRun()
            archive = Archive(
                resolve_archive(exchange.endpoint), budget_dir=tmp_path / "b", back_off=0.05
            )
            await filler.transport.ask_time()
            try:
                told = []
                found = await look_all_up(
                    archive,
                    filler,
                    NAMES,
                    HOURS,
                    span,
                    verify=verify,
                    result=result,
                    said=told.append,
                )
                assert told == list(range(1, len(NAMES) + 1))  # symbols done, for a progress bar
                basket = Basket(tmp_path / "zips")
                ingest = Ingest(filler, archive, basket, HOURS, run, result=result)
                await ingest.take(found, "newest")
            finally:
                await archive.close()
            return filler.lake, run, result

        return fetch(main)

    return take


def test_all_days_come_in_and_no_zip_is_left(taken, tmp_path):
    lake, run, result = taken()
    assert result.files == 6
    assert result.troubles == []
    assert run.rows == lake.read(NAMES, "1h").height > 100
    for name in NAMES:
        assert not lake.missing(name, "1h", *SPAN)
    assert not (tmp_path / "zips").exists()


def test_a_symbol_whose_listing_fails_is_a_failure_and_rest_is_not_asked(taken, exchange):
    exchange.strike("403", None, path="archive", symbol="listing")
    lake, _, result = taken()
    exchange.strike("none")
    assert set(result.failures) == set(NAMES)
    assert result.files == 0
    assert result.skip["KRW-BTC"].total == 3 * DAY
    assert lake.missing("KRW-BTC", "1h", *SPAN)


def test_a_second_run_finds_nothing_to_do(taken):
    taken()
    _, run, result = taken()
    assert (result.files, run.rows) == (0, 0)


def test_files_that_are_as_they_were_are_not_asked_of_rest_again(taken):
    taken()
    _, _, result = taken(verify=SPAN)
    assert (result.files, result.again) == (0, 0)
    assert result.skip["KRW-BTC"].total == 3 * DAY
