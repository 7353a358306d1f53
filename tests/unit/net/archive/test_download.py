"""The order of a download, and the words for each file that could not be had."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from marketkit.exchange.upbit.archive.finding import Published
from marketkit.exchange.upbit.archive.keys import ArchiveFile, Shelf
from marketkit.net.archive.archive import Archive
from marketkit.net.archive.basket import Basket
from marketkit.net.archive.download import Download
from marketkit.timeframe import DAY, TIMEFRAMES, parse_time

SHELF = Shelf("KRW-BTC", TIMEFRAMES["1m"])
FILES = [
    Published(ArchiveFile(SHELF, "daily", parse_time("2025-01-01") + day * DAY), 10)
    for day in range(6)
]
BODIES = {each.key: each.file.stem.encode() for each in FILES}


@pytest.fixture
def fetch(server, answer, tmp_path, monkeypatch):
    """Download the files from a server with some answers changed: stems, reasons, what was said."""
    monkeypatch.setenv("MARKETKIT_ARCHIVE_TERMS", "accepted")

    def run(changed, connections=2):
        answers = {f"/{key}": [answer(body)] for key, body in BODIES.items()}
        for key, body in BODIES.items():
            answers[f"/{key}.checksum"] = [answer(hashlib.sha256(body).hexdigest().encode())]
        said = []

        async def main():
            exchange = server(answers | changed)
            async with exchange.running() as address:
                archive = Archive(
                    (address, address), budget_dir=tmp_path, back_off=0.001, connections=connections
                )
                basket = Basket(tmp_path / "zips")
                async with Download(archive, FILES, basket, say=said.append) as download:
                    fetched = [each.published.file.stem[-2:] async for each in download]
                await archive.close()
                return fetched, [(t.reason, t.published.key) for t in download.troubles]

        return *asyncio.run(main()), said

    return run


def test_files_come_in_the_order_of_the_call(fetch):
    assert fetch({}) == (["01", "02", "03", "04", "05", "06"], [], [])


def test_a_refusal_is_said_and_ends_its_lane_only(fetch, answer):
    key = FILES[2].key
    fetched, troubles, (said,) = fetch({f"/{key}": [answer(b"", 403)]})
    assert fetched == ["01", "02", "04", "05", "06"]
    assert troubles == [("refused", key)]
    assert said == f"the archive refuses (403) /{key}, which its listing shows"


def test_a_checksum_that_is_none_is_a_failure_of_that_file(fetch, answer):
    key = FILES[0].key
    fetched, troubles, _ = fetch({f"/{key}.checksum": [answer(b"<html>")]})
    assert (len(fetched), troubles) == (5, [("failed", key)])


def test_other_bytes_twice_are_told_and_once_are_not(fetch, answer):
    key = FILES[1].key
    once = {f"/{key}": [answer(b"other"), answer(BODIES[key])]}
    assert fetch(once)[:2] == (["01", "02", "03", "04", "05", "06"], [])


def test_other_bytes_again_and_again_leave_the_file_alone(fetch, answer):
    key = FILES[1].key
    fetched, troubles, _ = fetch({f"/{key}": [answer(b"other")]})
    assert (fetched, troubles) == (["01", "03", "04", "05", "06"], [("mismatch", key)])


def test_four_failures_in_a_row_end_it_and_fewer_do_not(fetch, answer):
    broken = {f"/{each.key}": [answer(b"", 500)] for each in FILES[1:]}
    fetched, troubles, _ = fetch(broken, connections=1)
    assert fetched == ["01"]
    assert [reason for reason, _ in troubles] == [*["failed"] * 4, "not asked"]
    fetched, troubles, _ = fetch({key: broken[key] for key in list(broken)[:3]}, connections=1)
    assert fetched == ["01", "05", "06"]
