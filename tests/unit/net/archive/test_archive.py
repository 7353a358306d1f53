"""Listings are asked for once; what failed is asked for again."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from marketkit.coverage import Spans
from marketkit.errors import BadResponse, Refused
from marketkit.exchange.upbit.archive.finding import look
from marketkit.exchange.upbit.archive.keys import Shelf
from marketkit.exchange.upbit.archive.listing import LISTING
from marketkit.net.archive.archive import Archive
from marketkit.timeframe import DAY, TIMEFRAMES

ENTRY = {"key": "candle/KRW-BTC", "size": 0, "lastModified": None, "type": "DIRECTORY"}


@pytest.fixture
def drive(server, tmp_path):
    """Do something with the archive of a server of raw answers; its result, and the requests."""

    def run(work, *answers):
        async def main():
            exchange = server({LISTING: list(answers)})
            async with exchange.running() as address:
                archive = Archive((address, address), budget_dir=tmp_path, back_off=0.001)
                try:
                    return await work(archive), len(exchange.heads)
                finally:
                    await archive.close()

        return asyncio.run(main())

    return run


def test_many_who_ask_at_once_send_one_request(drive, answer):
    async def work(archive):
        entries = await asyncio.gather(*(archive.walk(look("candle")) for _ in range(5)))
        again = await archive.walk(look("candle"))
        assert (archive.requests, archive.bytes > 0) == (1, True)
        archive.forget()
        return [*entries, again, await archive.walk(look("candle"))]

    entries, requests = drive(work, answer(json.dumps([ENTRY]).encode()))
    assert requests == 2
    assert {each[0].key for each in entries} == {"candle/KRW-BTC"}


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has one address of its own")
def test_what_is_asked_from_an_address_leaves_from_there_and_locks_nobody_else_out(
    server, answer, tmp_path
):
    async def main():
        exchange = server({LISTING: [answer(b"[]")]})
        async with exchange.running() as address:
            bound = Archive((address, address), budget_dir=tmp_path, own="127.0.0.2")
            usual = Archive((address, address), budget_dir=tmp_path)
            await bound.walk(look("candle"))
            await bound.close()
            return bound.lock, usual.lock, exchange.clients

    bound, usual, clients = asyncio.run(main())
    assert clients == {"127.0.0.2"}
    assert bound.name == usual.name.replace("-archive", "-from-127.0.0.2-archive")


def test_a_failure_is_not_remembered(drive, answer):
    async def work(archive):
        with pytest.raises(Refused):
            await archive.walk(look("candle"))
        return await archive.walk(look("candle"))

    entries, requests = drive(work, answer(b"", 400), answer(json.dumps([ENTRY]).encode()))
    assert (len(entries), requests) == (1, 2)


def test_one_who_gives_up_leaves_the_answer_to_the_others(drive, answer):
    async def work(archive):
        first = asyncio.create_task(archive.walk(look("candle")))
        second = asyncio.create_task(archive.walk(look("candle")))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert drive(work, answer(b"[]"))[0] == ()


def test_the_listing_of_another_shape_and_ended_lanes_are_errors(drive, answer):
    async def work(archive):
        with pytest.raises(BadResponse, match="listing of candle"):
            await archive.walk(look("candle"))
        archive.lanes.end("it is away")
        with pytest.raises(Refused, match="any more: it is away"):
            await archive.find(Shelf("KRW-BTC", TIMEFRAMES["1m"]), Spans([(0, DAY)]), 99 * DAY)

    drive(work, answer(b"{}"))


def test_a_listing_that_is_shown_and_refused_ends_a_lane(drive, answer):
    async def work(archive):
        with pytest.raises(Refused, match="with which all begins"):
            await archive.walk(look("candle"))
        return archive.lanes.left

    assert drive(work, answer(b"", 403)) == (3, 1)
