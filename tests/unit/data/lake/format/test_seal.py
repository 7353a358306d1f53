"""The seal of a chunk."""

from __future__ import annotations

import hashlib
import json

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.format.chunk import describe, write_chunk
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.format.seal import (
    UNSEALED,
    Broken,
    check,
    check_footer,
    footer_start,
    seal,
)
from marketkit.timeframe import TIMEFRAMES

MINUTE = 60_000


@pytest.fixture
def content(tmp_path, candles, january):
    path = tmp_path / "2024-01.parquet"
    rows = candles([january])
    footer = describe(rows, Spans([(january, january + MINUTE)]), None)
    write_chunk(path, rows, footer, Series("upbit", "KRW-BTC", TIMEFRAMES["1m"]))
    return path.read_bytes()


def test_a_sealed_file_proves_itself(content):
    assert check(content)
    start = footer_start(content)
    assert check_footer(content[start:]) == hashlib.sha256(content[:start]).hexdigest()


def test_any_flipped_bit_breaks_the_seal(content):
    for at in range(len(content)):
        spoilt = content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :]
        try:
            assert not check(spoilt)  # bits that say how long the footer is hide the seal
            assert at >= len(content) - 8
        except ValueError:
            pass


def test_a_file_of_an_earlier_release_has_no_seal():
    footer = b'{"format": 1}'
    assert not check(b"pages" + footer + len(footer).to_bytes(4, "little") + b"PAR1")


def test_half_a_seal_is_broken():
    with pytest.raises(Broken):
        check_footer(json.dumps({"pages": UNSEALED["pages"]}).encode())
    with pytest.raises(Broken):
        check_footer(json.dumps({"footer": UNSEALED["footer"]}).encode())


def test_the_hash_of_a_sealed_file_is_that_of_all_its_bytes():
    footer = json.dumps(UNSEALED).encode()
    sealed = seal(b"pages" + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    assert sealed.sha256 == hashlib.sha256(sealed.content).hexdigest()
    assert check(sealed.content)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"\xff\xff\xff\xffPAR1", b"no parquet"])
def test_what_is_no_whole_file_is_refused(content):
    with pytest.raises(ValueError, match="not a whole Parquet file"):
        check(content)
