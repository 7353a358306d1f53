"""Months where there are files of months, days for the rest; the listing alone says what exists."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkit.coverage import Spans
from marketkit.errors import BadResponse, Refused
from marketkit.exchange.dialect import Response
from marketkit.exchange.upbit.archive.finding import find, look, published
from marketkit.exchange.upbit.archive.keys import ArchiveFile, Shelf, file_of
from marketkit.timeframe import DAY, HOUR, TIMEFRAMES, parse_time

MINUTES = Shelf("KRW-BTC", TIMEFRAMES["1m"])
NOW = parse_time("2025-03-05T10:00")


@dataclass
class Stock:
    """The files of an archive; folders are those above them. Others are answered with `absent`."""

    keys: list[str]
    absent: int | None = 404
    refused: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer(self, folder: str) -> Response:
        """Answer about a folder."""
        self.asked.append(folder)
        inside = [key for key in self.keys if key.startswith(f"{folder}/")]
        status = self.refused.get(folder, 200 if inside or self.absent is None else self.absent)
        children = {key[len(folder) + 1 :].partition("/")[0]: key for key in inside}
        said = [self.entry(f"{folder}/{name}", key) for name, key in children.items()]
        return Response(status, {}, json.dumps(said).encode(), NOW)

    def entry(self, key: str, whole: str) -> dict[str, object]:
        """Make the entry of a child, of which `whole` is a key at or below."""
        kind = "FILE" if key == whole else "DIRECTORY"
        return {"key": key, "size": len(key), "lastModified": None, "type": kind}

    def run(self, walk):
        """Answer a walk until the end, and give the result."""
        try:
            request = next(walk)
            while True:
                request = walk.send(self.answer(dict(request.params)["prefix"]))
        except StopIteration as done:
            return done.value


def stocked(shelf, months=(), days=(), **more):
    files = [ArchiveFile(shelf, "monthly", parse_time(f"{each}-01")) for each in months]
    files += [ArchiveFile(shelf, "daily", parse_time(each)) for each in days]
    return Stock([key for file in files for key in (file.key, f"{file.key}.checksum")], **more)


def times(*pairs):
    return Spans([(parse_time(start), parse_time(end)) for start, end in pairs])


def names(found):
    return [each.file.stem.rpartition("_")[2] for each in found.files]


def test_months_are_taken_where_they_are_and_days_for_the_rest():
    archive = stocked(
        MINUTES, ["2024-12", "2025-01"], ["2025-01-31", "2025-02-01", "2025-03-03", "2025-03-04"]
    )
    found = archive.run(find(MINUTES, times(("2024-12-05", "2025-03-06")), NOW))
    assert names(found) == ["202412", "202501", "20250201", "20250303", "20250304"]
    assert found.missing == times(("2025-02-02", "2025-03-03"), ("2025-03-05", "2025-03-06"))
    assert found.size == sum(len(each.key) for each in found.files)


def test_where_months_have_all_no_days_are_listed():
    archive = stocked(MINUTES, ["2025-01"], ["2025-01-31"])
    archive.run(find(MINUTES, times(("2025-01-01", "2025-02-01")), NOW))
    assert archive.asked == [
        "candle/KRW-BTC/monthly/1m",
        "candle/KRW-BTC/monthly/1m/2025",
    ]


def test_only_years_with_wanted_times_are_listed():
    days = ["2023-05-01", "2024-05-01", "2025-02-01"]
    archive = stocked(MINUTES, (), days)
    archive.run(
        find(MINUTES, times(("2023-05-01", "2023-05-02"), ("2025-02-01", "2025-02-02")), NOW)
    )
    assert [each for each in archive.asked if "daily" in each] == [
        "candle/KRW-BTC/daily/1m",
        "candle/KRW-BTC/daily/1m/2023",
        "candle/KRW-BTC/daily/1m/2025",
    ]


def test_a_file_whose_period_is_not_over_is_left():
    archive = stocked(MINUTES, ["2025-03"], ["2025-03-05", "2025-03-04"])
    found = archive.run(find(MINUTES, times(("2025-03-04", "2025-03-06")), NOW))
    assert names(found) == ["20250304"]
    assert found.missing == times(("2025-03-05", "2025-03-06"))


def test_a_zip_without_its_checksum_is_not_fetched_but_told():
    archive = stocked(MINUTES, (), ["2025-03-03", "2025-03-04"])
    bare = archive.keys.pop()
    found = archive.run(find(MINUTES, times(("2025-03-03", "2025-03-05")), NOW))
    assert names(found) == ["20250303"]
    assert found.unproved == (bare.removesuffix(".checksum"),)
    assert found.missing == times(("2025-03-04", "2025-03-05"))


def test_strangers_in_a_folder_mean_nothing():
    archive = stocked(MINUTES, (), ["2025-03-03"])
    archive.keys += [
        f"{MINUTES.folder('daily', 2025)}/{each}" for each in ("readme.txt", "a/b.zip")
    ]
    assert names(archive.run(find(MINUTES, times(("2025-03-03", "2025-03-04")), NOW))) == [
        "20250303"
    ]


@pytest.mark.parametrize("absent", [403, 404, None])
def test_a_market_that_the_archive_has_not_is_left_to_rest(absent):
    wanted = times(("2025-02-01", "2025-02-03"))
    archive = stocked(MINUTES, ["2025-02"], absent=absent)
    found = archive.run(find(Shelf("KRW-GONE", TIMEFRAMES["1m"]), wanted, NOW))
    assert (found.files, found.missing) == ((), wanted)


def test_a_market_in_other_letters_is_not_asked_for():
    archive, wanted = stocked(MINUTES, ["2025-02"]), times(("2025-02-01", "2025-02-03"))
    assert (
        archive.run(find(Shelf("USDT-币安人生", TIMEFRAMES["1m"]), wanted, NOW)).missing == wanted
    )
    assert archive.asked == []


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize(
    "folder",
    ["candle/KRW-BTC/monthly/1m/2025", "candle/KRW-BTC/monthly/1m", "candle"],
)
def test_a_folder_that_is_shown_and_not_listed_is_a_refusal(status, folder):
    archive = stocked(MINUTES, ["2025-01"])
    above = [each for each in (folder, "candle/KRW-BTC/monthly/1m") if folder == "candle"]
    archive.refused = dict.fromkeys([folder, *above], status)
    if folder == "candle":
        archive.refused |= dict.fromkeys(["candle/KRW-BTC/monthly", "candle/KRW-BTC"], status)
    with pytest.raises(Refused, match=f"refuses .{status}. the listing of {folder}, w") as told:
        archive.run(find(MINUTES, times(("2025-01-01", "2025-02-01")), NOW))
    assert told.value.status == status


def test_weeks_are_among_the_days_and_months_only_among_the_months():
    weeks, months = (Shelf("KRW-BTC", TIMEFRAMES[name]) for name in ("1w", "1M"))
    archive = stocked(weeks, (), ["2024-12-30", "2025-01-06"])
    found = archive.run(find(weeks, times(("2025-01-01", "2025-01-10")), NOW))
    assert names(found) == ["20241230", "20250106"]
    archive = stocked(months, ["2025-01"])
    found = archive.run(find(months, times(("2024-12-01", "2025-02-01")), NOW))
    assert names(found) == ["202501"]
    assert not any("daily" in folder for folder in archive.asked)


def test_what_only_rest_has_stays_missing():
    archive = stocked(MINUTES, ["2017-10"])
    found = archive.run(find(MINUTES, times(("2017-09-25", "2017-11-01")), NOW))
    assert names(found) == ["201710"]
    assert found.missing == times(("2017-09-25", "2017-10-24"))


def test_trades_are_found_as_candles_are():
    trades = Shelf("KRW-BTC")
    archive = stocked(trades, ["2025-01"], ["2025-02-01"])
    found = archive.run(find(trades, times(("2025-01-31", "2025-02-02")), NOW))
    assert names(found) == ["202501", "20250201"]


def test_all_files_of_one_cut_can_be_listed_for_a_look_at_republished_ones():
    archive = stocked(MINUTES, ["2025-01"], ["2025-01-30", "2025-01-31"])
    files, bare = archive.run(published(MINUTES, "daily", times(("2025-01-31", "2025-02-01"))))
    assert [each.file.stem for each in files] == ["KRW-BTC_candle-1m_20250131"]
    assert bare == []


def test_a_listing_of_another_shape_is_an_error():
    walk = look("candle")
    next(walk)
    with pytest.raises(BadResponse):
        walk.send(Response(200, {}, b"<html>", NOW))


@settings(max_examples=30)
@given(
    months=st.sets(st.integers(0, 13)),
    days=st.sets(st.integers(0, 420)),
    wanted=st.lists(st.tuples(st.integers(0, 430 * 24), st.integers(1, 3000)), max_size=4),
)
def test_found_and_missing_are_all_that_is_wanted(months, days, wanted):
    start = parse_time("2024-01-01")
    spans = Spans([(start + a * HOUR, start + (a + many) * HOUR) for a, many in wanted])
    archive = stocked(MINUTES, ["2023-01", *(f"{2024 + m // 12}-{m % 12 + 1:02d}" for m in months)])
    for day in days:
        key = ArchiveFile(MINUTES, "daily", start + day * DAY).key
        archive.keys += [key, f"{key}.checksum"]
    found = archive.run(find(MINUTES, spans, NOW))
    held = Spans([each.file.span for each in found.files])
    assert spans - held == found.missing
    there = Spans(
        [file.span for key in archive.keys if (file := file_of(key)) and file.period.end <= NOW]
    )
    assert found.missing == spans - there
    # No file is fetched for nothing, and none that another holds already.
    assert sum(end - begin for begin, end in (each.file.span for each in found.files)) == held.total
    assert all(Spans([each.file.span]) & spans for each in found.files)
