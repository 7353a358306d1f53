"""What is asked of the archive's counter, and the faults that it means."""

from __future__ import annotations

import pytest

from marketkit.sandbox.archive.counter import Asked, Counter
from marketkit.sandbox.control import moment
from marketkit.sandbox.faulty.strikes import Defaults, Fault, Strike, Strikes

NOW = moment("2025-03-05T10:00")
MINUTES = "candle/KRW-BTC/daily/1m/2025"
DAY = f"{MINUTES}/KRW-BTC_candle-1m_20250102"
ZIP = f"/archive/{DAY}.zip"
LISTING = "/archive/api/v1/market-data/listing"


@pytest.fixture
def counter(markets):
    """The counter of a new exchange."""
    return Counter(markets)


def test_a_request_has_names_for_faults():
    assert {"KRW-BTC", "ZIP", "KRW-BTC_CANDLE-1M_20250102", "KRW-BTC_CANDLE-1M_20250102.ZIP"} < (
        Asked(ZIP, "").names
    )
    assert {"CHECKSUM", "KRW-BTC_CANDLE-1M_20250102"} < Asked(f"{ZIP}.checksum", "").names
    listing = Asked(LISTING, f"prefix={MINUTES}")
    assert {"LISTING", MINUTES.upper(), "KRW-BTC"} < listing.names
    assert Asked(LISTING, "").key == ""


def test_files_and_their_parts_are_served(counter):
    whole = counter.answer(Asked(ZIP, ""), [], NOW, "")
    assert (whole.status, whole.content_type) == (200, "application/zip")
    part = counter.answer(Asked(ZIP, ""), [], NOW, "bytes=10-19")
    assert (part.status, part.body) == (206, whole.body[10:20])
    assert dict(part.headers)[b"Content-Range"] == b"bytes 10-19/58000"
    assert counter.answer(Asked(ZIP, ""), [], NOW, "bytes=57999-").body == whole.body[-1:]
    assert counter.answer(Asked(ZIP, ""), [], NOW, "bytes=58000-").status == 416
    assert counter.answer(Asked(ZIP, ""), [], NOW, "bytes=x").status == 200


def test_without_an_offer_a_part_is_the_whole(counter):
    reply = counter.answer(Asked(ZIP, ""), [Fault("no-ranges", "")], NOW, "bytes=10-")
    assert (reply.status, reply.headers) == (200, ())


@pytest.mark.parametrize("kind", ["403", "404"])
def test_refusals_are_those_of_a_store(counter, kind):
    reply = counter.answer(Asked(ZIP, ""), [Fault(kind, "")], NOW, "")
    assert (reply.status, reply.content_type) == (int(kind), "application/xml")
    assert counter.answer(Asked("/archive/nothing.zip", ""), [], NOW, "").status == 404


def test_a_file_takes_a_fault_once(counter):
    asked, order = Asked(ZIP, ""), Strike("header-only", None)
    files = counter.spoken_of(asked, NOW)
    assert counter.in_force(asked, files, [order]) == [order]
    counter.answer(asked, [Fault("header-only", "")], NOW, "")
    assert counter.in_force(asked, files, [order]) == []
    assert counter.in_force(Asked(LISTING, ""), [], [order, Strike("403")]) == [Strike("403")]


def test_a_listing_shows_the_faults_of_files_that_were_named(counter):
    strikes = Strikes(Defaults({"republished": "1.01"}))
    files = counter.spoken_of(Asked(LISTING, f"prefix={MINUTES}"), NOW)
    named = Strike("republished", 1, symbol="KRW-BTC_candle-1m_20250102")
    strikes.add(named)
    strikes.add(Strike("republished", 1))
    assert [(f.key, o) for f, o in counter.by_name(files, strikes)] == [(f"{DAY}.zip", named)]
    strikes.add(Strike("republished", None, symbol="KRW-BTC"))
    assert len(list(counter.by_name(files, strikes))) == len(files) + 1
