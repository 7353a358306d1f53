"""A zip's bytes go on where they ended, where that was offered and came so."""

from __future__ import annotations

import asyncio

import pytest

from marketkit.errors import BadResponse, NetworkError, Refused
from marketkit.exchange.upbit.archive.finding import Published
from marketkit.exchange.upbit.archive.keys import ArchiveFile, Shelf
from marketkit.net.archive.archive import Archive
from marketkit.net.archive.zips import fetch_zip
from marketkit.timeframe import TIMEFRAMES, parse_time

FILE = Published(
    ArchiveFile(Shelf("KRW-BTC", TIMEFRAMES["1m"]), "daily", parse_time("2025-01-02")), 10
)
OFFER = "Accept-Ranges: bytes\r\n"


@pytest.fixture
def fetch(server, tmp_path):
    """Fetch the zip from a server of raw answers: the part's bytes or the error, and the ranges."""

    def run(*answers, largest=100):
        async def main():
            exchange, part = server({f"/{FILE.key}": list(answers)}), tmp_path / "x.part"
            async with exchange.running() as address:
                archive = Archive((address, address), budget_dir=tmp_path, back_off=0.001)
                try:
                    at = await fetch_zip(archive, FILE, part, largest)
                    assert at == 1_767_225_601_000
                    result = part.read_bytes()
                except Exception as failure:  # noqa: BLE001 - the test looks
                    result = failure
                finally:
                    await archive.close()
            heads = [
                head.lower().partition("range: ")[2].partition("\r")[0] for head in exchange.heads
            ]
            return result, heads

        return asyncio.run(main())

    return run


def test_a_cut_body_is_gone_on_with(fetch, answer):
    cut = answer(b"01234", headers=OFFER, length=10)
    rest = answer(b"56789", 206, f"{OFFER}Content-Range: bytes 5-9/10\r\n")
    assert fetch(cut, rest) == (b"0123456789", ["", "bytes=5-"])


def test_without_an_offer_all_is_asked_for_again(fetch, answer):
    assert fetch(answer(b"01234", length=10), answer(b"0123456789")) == (b"0123456789", ["", ""])


def test_who_sends_all_in_place_of_a_part_begins_anew(fetch, answer):
    cut = answer(b"01234", headers=OFFER, length=10)
    assert fetch(cut, answer(b"0123456789", headers=OFFER))[0] == b"0123456789"


@pytest.mark.parametrize(
    "odd", ["bytes 4-9/10", "bytes 6-9/10", "x", "bytes 5-", "bytes " + "9" * 5000 + "-1/1"]
)
def test_another_part_than_was_asked_for_is_dropped(fetch, answer, odd):
    cut = answer(b"01234", headers=OFFER, length=10)
    other = answer(b"xxxxx", 206, f"{OFFER}Content-Range: {odd}\r\n")
    assert fetch(cut, other, answer(b"0123456789")) == (b"0123456789", ["", "bytes=5-", ""])


def test_a_part_that_is_all_there_is_begun_anew(fetch, answer):
    cut = answer(b"0123456789", headers=OFFER, length=11)
    over = answer(b"", 416, f"{OFFER}Content-Range: bytes */10\r\n")
    assert fetch(cut, over, answer(b"0123456789"))[0] == b"0123456789"


def test_too_many_bytes_are_not_read_to_their_end(fetch, answer):
    result, heads = fetch(answer(b"0" * 50), largest=20)
    assert isinstance(result, BadResponse)
    assert "more than 20 bytes" in str(result)
    assert len(heads) == 5
    assert isinstance(fetch(answer(b"0", length=10**15), largest=20)[0], BadResponse)


@pytest.mark.parametrize("status", [403, 404])
def test_a_listed_file_that_is_not_given_is_a_refusal(fetch, answer, status):
    result, heads = fetch(answer(b"", status))
    assert (type(result), len(heads)) == (Refused, 1)


def test_what_never_comes_whole_is_an_error(fetch, answer):
    result, heads = fetch(answer(b"01", length=10))
    assert isinstance(result, NetworkError)
    assert len(heads) == 5
