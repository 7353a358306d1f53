"""The dialect of the archive on a real socket: the listing is the truth of what exists."""

from __future__ import annotations

import hashlib
import io
import zipfile

import pytest

from marketkit.coverage import Spans
from marketkit.errors import BadResponse, Refused
from marketkit.exchange.upbit.archive.checksum import checksum_key, read_checksum
from marketkit.exchange.upbit.archive.finding import find, look
from marketkit.exchange.upbit.archive.keys import INTERVALS, Shelf
from marketkit.sandbox.control import moment
from marketkit.settings import resolve_archive
from marketkit.timeframe import TIMEFRAMES

NOW = moment("2025-03-05T10:00")
MINUTES = Shelf("KRW-BTC", TIMEFRAMES["1m"])


def times(start, end):
    return Spans([(moment(start), moment(end))])


@pytest.mark.parametrize("name", INTERVALS)
def test_each_of_twelve_widths_is_found_and_every_file_is_what_the_key_says(
    shelves, web, walked, name
):
    shelf, wanted = Shelf("KRW-BTC", TIMEFRAMES[name]), times("2025-01-20", "2025-03-04")
    found = walked(shelves.archive, find(shelf, wanted, NOW))
    cuts = [each.file.cut for each in found.files]
    days = 6 if name == "1w" else 0 if name == "1M" else 3
    assert (cuts.count("monthly"), cuts.count("daily")) == ((0 if name == "1w" else 2), days)
    smallest = min(found.files, key=lambda each: each.size)
    body = web.get(f"{shelves.archive}/{smallest.key}").content
    beside = web.get(f"{shelves.archive}/{checksum_key(smallest.key)}").content
    assert len(body) == smallest.size
    assert read_checksum(beside, smallest.key) == hashlib.sha256(body).hexdigest()
    with zipfile.ZipFile(io.BytesIO(body)) as packed:
        (member,) = packed.namelist()
        head, first, *_ = packed.read(member).decode().split("\n")
    assert (member, head) == (smallest.file.member, smallest.file.header)
    start, end = smallest.file.span
    assert start <= moment(first.partition(",")[0]) < end


def test_trades_are_found_day_by_day(shelves, walked):
    found = walked(shelves.archive, find(Shelf("KRW-BTC"), times("2025-03-01", "2025-03-06"), NOW))
    assert [each.file.stem[-8:] for each in found.files] == [
        "20250301", "20250302", "20250303", "20250304",
    ]  # fmt: skip
    assert found.missing == times("2025-03-05", "2025-03-06")


def test_yesterday_is_missing_until_it_is_published(exchange, walked):
    exchange.set_clock("2025-03-05T00:30")
    early = walked(exchange.archive, find(MINUTES, times("2025-03-03", "2025-03-05"), NOW))
    assert early.missing == times("2025-03-04", "2025-03-05")
    exchange.set_clock("2025-03-05T01:00")
    later = walked(exchange.archive, find(MINUTES, times("2025-03-03", "2025-03-05"), NOW))
    assert later.missing == Spans()


def test_a_month_that_is_not_listed_is_made_of_its_days(exchange, walked):
    exchange.strike("unlisted", path="archive", symbol="KRW-BTC_candle-1m_202501")
    found = walked(exchange.archive, find(MINUTES, times("2025-01-01", "2025-03-01"), NOW))
    assert [each.file.cut for each in found.files] == ["daily"] * 31 + ["monthly"]
    assert found.missing == Spans()


def test_a_delisted_market_is_left_to_rest(exchange, walked):
    exchange.set_market("KRW-ETH", "end", at="2025-03-01")
    wanted = times("2025-01-01", "2025-03-01")
    found = walked(exchange.archive, find(Shelf("KRW-ETH", TIMEFRAMES["1m"]), wanted, NOW))
    assert (found.files, found.missing) == ((), wanted)


@pytest.mark.parametrize("status", ["403", "404"])
def test_both_statuses_mean_absent_for_what_is_not_shown_and_a_refusal_for_what_is(
    exchange, walked, status
):
    nowhere = "candle/KRW-NONE/monthly/1m"
    exchange.strike(status, None, path="archive", symbol=nowhere)
    exchange.strike(status, None, path="archive", symbol="candle/KRW-NONE/monthly")
    exchange.strike(status, None, path="archive", symbol="candle/KRW-NONE")
    assert walked(exchange.archive, look(nowhere)) == ()
    shown = "candle/KRW-BTC/monthly/1m/2025"
    exchange.strike(status, None, path="archive", symbol=shown)
    with pytest.raises(Refused, match=f"{shown}, which it shows"):
        walked(exchange.archive, find(MINUTES, times("2025-01-01", "2025-02-01"), NOW))


@pytest.mark.parametrize("kind", ["html", "hostile-error"])
def test_an_answer_that_is_no_list_is_an_error_and_never_fewer_files(exchange, walked, kind):
    exchange.strike(kind, None, path="archive", symbol="listing")
    with pytest.raises(BadResponse, match="listing of candle/KRW-BTC/monthly/1m"):
        walked(exchange.archive, find(MINUTES, times("2025-01-01", "2025-02-01"), NOW))


def test_the_days_before_the_archive_begins_are_left_to_rest(shelves, walked):
    found = walked(shelves.archive, find(MINUTES, times("2017-09-25", "2017-11-01"), NOW))
    assert [each.file.stem[-6:] for each in found.files] == ["201710"]
    assert found.missing == times("2017-09-25", "2017-10-24")


def test_the_host_is_a_setting(shelves, monkeypatch, walked):
    assert resolve_archive(shelves.endpoint)[0] == shelves.archive
    monkeypatch.setenv("MARKETKIT_ARCHIVE", shelves.archive)
    assert resolve_archive("https://api.upbit.com") == (shelves.archive, shelves.archive)
    assert len(walked(resolve_archive("https://api.upbit.com")[0], look("candle"))) > 100
