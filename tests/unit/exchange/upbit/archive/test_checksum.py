"""The checksum beside a zip, in the spellings in use."""

from __future__ import annotations

import pytest

from marketkit.errors import BadResponse
from marketkit.exchange.upbit.archive.checksum import LARGEST, checksum_key, read_checksum

KEY = "candle/KRW-BTC/daily/1m/2025/KRW-BTC_candle-1m_20250102.zip"
NAME = KEY.rpartition("/")[2]
DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "body",
    [DIGEST, f" {DIGEST}\r\n", DIGEST.upper(), f"{DIGEST}  {NAME}\n", f"{DIGEST} *{NAME}",
     f"{DIGEST}\t{KEY}"],
)  # fmt: skip
def test_a_digest_is_read_in_every_spelling(body):
    assert read_checksum(body.encode(), KEY) == DIGEST


@pytest.mark.parametrize(
    "body",
    [b"", DIGEST[:-1].encode(), DIGEST.encode() + b"0", b"<html>", b"g" * 64, b"\xff" * 64,
     DIGEST.encode() + b"\n" + DIGEST.encode(), b"0" * (LARGEST + 10)],
)  # fmt: skip
def test_what_is_no_digest_is_refused_by_name(body):
    with pytest.raises(BadResponse, match="no SHA-256"):
        read_checksum(body, KEY)


def test_the_digest_of_another_file_is_refused():
    with pytest.raises(BadResponse, match="another file"):
        read_checksum(f"{DIGEST}  KRW-ETH.zip".encode(), KEY)


def test_the_checksum_lies_beside_the_zip():
    assert checksum_key(KEY) == f"{KEY}.checksum"
