"""Files become candles with proof and provenance, or are refused by name, and the others go on."""

from __future__ import annotations

import pytest

from marketkit.data.lake.lake import Lake
from marketkit.timeframe import DAY, parse_time
from tests.archive.ingesting import DAYS, END, START, STEM, asked, filled, sandbox

BAD = f"{STEM}02"
KEY = f"candle/KRW-BTC/daily/60m/2025/{BAD}.zip"
SECOND_OF_MARCH = (parse_time("2025-03-02"), parse_time("2025-03-03"))


@pytest.fixture
def exchange():
    with sandbox() as one:
        yield one


@pytest.fixture(autouse=True)
def _accepted(monkeypatch):
    monkeypatch.setenv("MARKETKIT_ARCHIVE_TERMS", "accepted")


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("wrong-checksum", "twice"),
        ("truncated-zip", "is no whole zip"),
        ("second-member", "holds 2 members"),
        ("renamed-member", "holds '../member.csv'"),
        ("wrong-header", "has the header"),
        ("rows-outside", "outside of the period of its name"),
        ("zip-bomb", "unpacks to more than"),
    ],
)
def test_a_wrong_file_is_named_the_rest_is_complete_and_a_second_run_repairs(
    exchange, lake, kind, said
):
    exchange.strike(kind, path="archive", symbol=BAD)
    report = filled(exchange, lake.root, end="2025-03-05")  # a page for today would reach so far
    assert not report.complete
    assert report.unknown == 24
    (trouble,) = report.archive.troubles
    assert (trouble.symbol, trouble.key) == ("KRW-BTC", KEY)
    assert said in trouble.said
    assert KEY in repr(report)
    assert list(lake.missing("KRW-BTC", "1h", parse_time(START), parse_time("2025-03-05"))) == [
        SECOND_OF_MARCH
    ]
    assert lake.audit().is_empty()

    exchange.strike("none")
    again = filled(exchange, lake.root, end="2025-03-05")
    assert again.complete, again
    assert again.archive.files == 1
    assert lake.audit().is_empty()


def test_a_file_without_rows_is_no_proof_until_rest_has_said_so_too(exchange, lake, tmp_path):
    exchange.strike("header-only", path="archive", symbol=BAD)
    report = filled(exchange, lake.root)
    assert report.complete, report
    assert any(KEY in note for note in report.archive.notes)
    filled(exchange, tmp_path / "rest", archive=False)
    window = "KRW-BTC", "1h", parse_time(START), parse_time(END)
    assert lake.read(*window).equals(Lake(tmp_path / "rest").read(*window))


def test_many_files_of_one_chunk_are_written_once(exchange, lake, monkeypatch):
    from marketkit.data.lake.store import place

    written = []
    inner = place.write_chunk
    monkeypatch.setattr(
        place, "write_chunk", lambda path, *rest: written.append(path.name) or inner(path, *rest)
    )
    filled(exchange, lake.root, end="2025-03-05")
    assert written == ["all.parquet"]


def test_the_files_are_listed_with_what_they_prove(exchange, lake):
    filled(exchange, lake.root)
    rows = lake.provenance("KRW-BTC", "1h").rows(named=True)
    assert [each["key"].rpartition("/")[2] for each in rows] == [f"{STEM}{day}.zip" for day in DAYS]
    for each, day in zip(rows, range(4), strict=True):
        assert each["start"].timestamp() * 1000 == parse_time(START) + day * DAY
        assert each["end"].timestamp() * 1000 == parse_time(START) + (day + 1) * DAY
        assert len(each["sha256"]) == 64
        assert each["size"] > 0
        assert each["modified"].startswith("2025-03-")
    assert lake.provenance("KRW-BTC", "1h", "2025-03-02", "2025-03-03").height == 1
    assert lake.provenance("KRW-BTC", "1m").is_empty()


def test_candles_of_rest_have_no_file(exchange, lake):
    filled(exchange, lake.root, archive=False)
    assert lake.provenance().is_empty()
    assert lake.provenance(timeframe="1h").is_empty()


def test_a_file_that_was_published_again_is_found_from_the_listing_alone(exchange, lake):
    filled(exchange, lake.root)
    before = lake.provenance("KRW-BTC", "1h").row(1, named=True)
    exchange.strike("republished", path="archive", symbol=BAD)
    count = len(asked(exchange))
    unasked = filled(exchange, lake.root)
    assert (unasked.revisions, len(asked(exchange))) == (0, count)

    report = filled(exchange, lake.root, verify="4d")
    assert report.complete, report
    assert report.archive.again == 1
    assert asked(exchange)[count:] == [f"{BAD}.zip"]
    assert report.revisions > 0
    assert lake.revisions("KRW-BTC", "1h").height == report.revisions
    after = lake.provenance("KRW-BTC", "1h").row(1, named=True)
    assert after["key"] == before["key"]
    assert after["modified"] != before["modified"]
    assert after["sha256"] != before["sha256"]
    # What was seen once is not fetched again.
    assert filled(exchange, lake.root, verify="4d").archive.again == 0


def test_a_file_with_impossible_candles_is_left_out_of_its_chunk(exchange, lake):
    exchange.strike("republished", path="archive", symbol=BAD, value=0)
    report = filled(exchange, lake.root, end="2025-03-05")
    (trouble,) = report.archive.troubles
    assert trouble.key == KEY
    assert "a price that is not positive" in trouble.said
    assert (report.archive.files, report.unknown) == (3, 24)
    assert lake.audit().is_empty()


def test_a_republished_file_that_is_refused_leaves_what_was_known(exchange, lake):
    filled(exchange, lake.root)
    before = lake.read("KRW-BTC", "1h")
    exchange.strike("republished", path="archive", symbol=BAD)
    exchange.strike("wrong-header", path="archive", symbol=BAD)
    report = filled(exchange, lake.root, verify="4d")
    assert not report.complete
    assert KEY in repr(report)
    assert lake.read("KRW-BTC", "1h").equals(before)


def test_the_numbers_and_the_proof_are_sound(exchange, lake):
    filled(exchange, lake.root)
    assert lake.audit().is_empty()
    assert lake.covered("KRW-BTC", "1h").holds(parse_time(START), parse_time("2025-03-05"))
