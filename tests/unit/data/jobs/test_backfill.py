"""A backfill leaves nothing unknown, says what every slot is, and tells the ledger how it ended."""

from __future__ import annotations

import asyncio

import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.jobs.backfill import BackfillOptions, backfill, find_listings, prepare_reads
from marketkit.data.jobs.catalog import jobs
from marketkit.data.jobs.tasks import BackfillRequest
from marketkit.data.lake.tier.folder import images
from marketkit.errors import NetworkError, ServerFailed, UnknownSymbol
from marketkit.timeframe import MINUTE, TIMEFRAMES, parse_time
from tests.unit.data.lake.conftest import make_candles

MINUTES = TIMEFRAMES["1m"]
START, END = parse_time("2026-03-10T00:00Z"), parse_time("2026-03-10T08:00Z")
REQUEST = BackfillRequest("upbit", ("KRW-BTC", "KRW-ETH"), "1m", START, END)
MARKETS = ["KRW-BTC", "KRW-ETH", "KRW-XRP"]


async def done(filler, run, request=REQUEST, options=None):
    names = list(request.symbols)
    return await backfill(
        filler, names, request, run, options or BackfillOptions(), markets=MARKETS
    )


def test_every_slot_is_answered_for(fetch, tmp_path):
    async def main(filler, run):
        report = await done(filler, run)
        assert not filler.lake.missing("KRW-ETH", "1m", START, END)
        return report

    report = fetch(main)
    assert report.complete
    assert report.slots == report.traded + report.empty == 960
    assert report.requests == 6
    assert jobs(tmp_path / "lake").select("job", "state", "percent").rows() == [
        (REQUEST.id, "done", 100.0)
    ]


def test_what_a_job_brought_is_read_as_memory_from_then_on(fetch, tmp_path):
    async def main(filler, run):
        await done(filler, run)
        await prepare_reads(filler.lake, REQUEST.symbols, MINUTES, Span(START, END))
        (path,) = filler.lake.root.glob("candles/*/*/series=KRW-BTC/*.parquet")
        path.write_bytes(b"rot")
        await prepare_reads(filler.lake, ["KRW-BTC"], MINUTES, Span(START, END))

    fetch(main)
    assert sorted(path.parent.name for path in images().rglob("*.arrow")) == [
        "series=KRW-BTC",
        "series=KRW-ETH",
    ]


def test_a_second_one_asks_nothing(fetch, exchange):
    async def main(filler, run):
        await done(filler, run)
        exchange.reset_stats()
        return await done(filler, run)

    assert fetch(main).complete
    assert "candles" not in exchange.stats()["groups"] or (
        exchange.stats()["groups"]["candles"]["requests"] == 0
    )


def test_covered_slots_are_asked_again_where_they_are_to_be_verified(fetch, exchange):
    async def main(filler, run):
        await done(filler, run)
        exchange.reset_stats()
        return await done(filler, run, options=BackfillOptions(verify=12 * 60 * MINUTE))

    assert fetch(main).complete
    assert exchange.stats()["groups"]["candles"]["requests"] >= 6


def test_a_symbol_that_is_refused_leaves_the_job_incomplete(fetch, tmp_path):
    request = BackfillRequest("upbit", ("KRW-BTC", "KRW-NOPE"), "1m", START, END)

    async def main(filler, run):
        return await done(filler, run, request)

    report = fetch(main)
    assert not report.complete
    assert isinstance(report.failures["KRW-NOPE"], UnknownSymbol)
    assert report.unknown == 480
    assert jobs(tmp_path / "lake")["state"].to_list() == ["incomplete"]


def test_patience_that_ends_with_an_exchange_away_fails_the_job(fetch, exchange, tmp_path):
    exchange.set_faults({"500": 1.0})

    async def main(filler, run):
        with pytest.raises((ServerFailed, NetworkError)):
            await done(filler, run, options=BackfillOptions(patience=0))

    fetch(main)
    assert jobs(tmp_path / "lake")["state"].to_list() == ["failed"]


def test_a_cancelled_job_is_cancelled_for_all(fetch, tmp_path):
    async def main(filler, run):
        run.pause()
        at_work = asyncio.Event()
        run.reporter.attach(at_work.set)  # called with the first beat
        task = asyncio.create_task(done(filler, run))
        await at_work.wait()
        run.ending = "cancelled"
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    fetch(main)
    assert jobs(tmp_path / "lake")["state"].to_list() == ["cancelled"]


def test_a_page_of_months_tells_when_a_symbol_was_listed(fetch, exchange):
    span = Span(parse_time("2017-01-01"), END)

    async def main(filler, run):
        await find_listings(filler, ["KRW-BTC"], MINUTES, span, run)
        moment = filler.lake.nothing_before("KRW-BTC", MINUTES)
        first = filler.lake.read("KRW-BTC", "1M")["time"].dt.epoch("ms")[0]
        assert moment == first > span.start
        told = {row["timeframe"]: row["rests_on"] for row in filler.lake.catalog().to_dicts()}
        assert told == {"1m": "months", "1M": "two answers"}
        sent = run.requests
        await find_listings(filler, ["KRW-BTC"], MINUTES, span, run)
        assert run.requests == sent == exchange.stats()["groups"]["candles"]["requests"]

    fetch(main)


def test_months_of_which_one_answer_told_the_first_are_no_better_evidence(fetch):
    span = Span(parse_time("2017-01-01"), END)

    async def main(filler, run):
        months = TIMEFRAMES["1M"]
        first = parse_time("2024-03-01")
        whole = Spans([(first, filler.until(months, None))])
        filler.lake.append("KRW-BTC", "1M", make_candles([first]), whole, nothing_before=first)
        await find_listings(filler, ["KRW-BTC"], MINUTES, span, run)
        known = filler.lake.select("KRW-BTC", "1m").known("KRW-BTC")
        assert (known.nothing_before, known.rests_on) == (first, "one answer")

    fetch(main)


@pytest.mark.parametrize("timeframe", ["1s", "1M", "1y"])
def test_where_a_listing_is_of_no_use_nobody_asks(fetch, exchange, timeframe):
    async def main(filler, run):
        span = Span(parse_time("2017-01-01"), END)
        await find_listings(filler, ["KRW-BTC"], TIMEFRAMES[timeframe], span, run)
        return run.requests

    assert fetch(main) == 0
