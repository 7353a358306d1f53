"""The body of an answer: whole, or refused as soon as that is known."""

from __future__ import annotations

import asyncio
import gzip
import random
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterable

import pytest

from marketkit.errors import BadResponse
from marketkit.net.body import read_bounded

DATA = b'[{"market":"KRW-BTC","trade_price":116233000.0}]' * 100
MOST = 10_000


async def pieces(raw: bytes, size: int, came: list[int]) -> AsyncIterator[bytes]:
    for start in range(0, len(raw), size):
        came.append(start)
        yield raw[start : start + size]


def read(raw: bytes, encoding: str = "", size: int = 1000, most: int = MOST) -> bytes:
    return asyncio.run(read_bounded(pieces(raw, size, []), encoding, most, "host/v1"))


def packed(parts: Iterable[bytes]) -> bytes:
    return b"".join(map(gzip.compress, parts))


@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 20])
@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (DATA, ""),
        (DATA, "identity"),
        (gzip.compress(DATA), "gzip"),
        (gzip.compress(DATA), " GZip "),
        (zlib.compress(DATA), "deflate"),
        (packed([DATA[:50], DATA[50:]]), "gzip"),
        (packed([DATA, b""]) + bytes(20), "gzip"),
        (b"", ""),
        (b"", "gzip"),
    ],
)
def test_a_body_is_whole_in_whatever_pieces_it_came(raw, encoding, size):
    assert read(raw, encoding, size) == (DATA if raw else b"")


@pytest.mark.parametrize("encoding", ["", "gzip"])
@pytest.mark.parametrize("size", [100, 1 << 20])
def test_a_body_may_be_as_long_as_allowed_and_not_a_byte_longer(encoding, size):
    data = random.Random(1).randbytes(MOST - 100)
    for more in (0, 1):
        body = data + bytes(100 + more)
        raw = gzip.compress(body) if encoding else body
        if not more:
            assert read(raw, encoding, size) == body
            continue
        with pytest.raises(BadResponse, match="more than 10,000 bytes"):
            read(raw, encoding, size)


@pytest.mark.parametrize(
    "raw",
    [
        gzip.compress(bytes(200 << 20)),
        packed([bytes(MOST)] * 500),
        packed([b""] * 5000),
    ],
    ids=["one", "many", "many of nothing"],
)
def test_a_bomb_is_refused_before_it_is_unpacked(raw):
    tracemalloc.start()
    with pytest.raises(BadResponse, match="more than 10,000 bytes"):
        read(raw, "gzip", size=65_536)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < len(raw) + (1 << 20)


def test_an_endless_body_is_left_where_it_is_too_long():
    came: list[int] = []
    with pytest.raises(BadResponse, match="MARKETKIT_LARGEST_ANSWER"):
        asyncio.run(read_bounded(pieces(bytes(1 << 20), 1000, came), "", MOST, "host/v1"))
    assert came[-1] == MOST


@pytest.mark.parametrize(
    ("raw", "encoding", "words"),
    [
        (b"no gzip", "gzip", "cannot be unpacked"),
        (gzip.compress(DATA) + b"more", "gzip", "cannot be unpacked"),
        (gzip.compress(DATA)[:-1], "gzip", "was cut after"),
        (gzip.compress(DATA)[:20], "gzip", "was cut after 20 bytes"),
        (packed([DATA, DATA])[:-9], "gzip", "was cut after"),
        (DATA, "br", "packed as br, which was not asked for"),
        (gzip.compress(gzip.compress(DATA)), "gzip, gzip", "not asked for"),
        (DATA, "\x1b[2J" * 100, r"packed as \\x1b\[2j"),
    ],
)
def test_a_body_that_cannot_be_unpacked_is_refused(raw, encoding, words):
    with pytest.raises(BadResponse, match=words) as caught:
        read(raw, encoding)
    assert "host/v1" in str(caught.value)
    assert len(str(caught.value)) < 300
