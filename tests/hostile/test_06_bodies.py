"""Bodies without an end, and text that commands a terminal."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import logging
import os
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import polars as pl
import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.errors import BadResponse, MarketkitError
from marketkit.exchange.dialect import RateLimit, Request, Response
from marketkit.exchange.upbit import bodies
from marketkit.exchange.upbit.limits import UPBIT
from marketkit.net.transport import Transport
from tests.hostile.raw import head, reply, serving
from tests.waiting import PATIENCE

GOLDEN = Path(__file__).resolve().parents[2] / "data" / "golden"
FAST = (10, 0.02)
FAST_LIMITS = dict.fromkeys(UPBIT.limits, FAST)
ONCE = replace(
    UPBIT, limits=dict.fromkeys(UPBIT.limits, RateLimit(*FAST)), retry_delay=lambda *_: None
)
MARKETS = Request("/v1/market/all", (), "market")
HOSTILE = "a\x1b]0;owned\x07\x1b[2Jb\r\nc\u202ed\u2066e\x9bf"
COMMANDS = "\x1b\x07\r\x9b\u202e\u2066"


def send(endpoint: str, folder: Path) -> Response:
    async def main() -> Response:
        transport = Transport(endpoint, ONCE, timeout=PATIENCE, budget_dir=folder)
        try:
            return await transport.send(MARKETS)
        finally:
            await transport.close()

    return asyncio.run(main())


def endless() -> Iterator[bytes]:
    yield head()
    yield from itertools.repeat(b"[" * 65_536)


def endless_chunks() -> Iterator[bytes]:
    yield head(Transfer_Encoding="chunked")
    yield from itertools.repeat(b"10000\r\n" + b"[" * 65_536 + b"\r\n")


def endless_gzip() -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=31)
    yield head(Content_Encoding="gzip")
    while True:
        yield packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_SYNC_FLUSH)


@cache
def bomb() -> bytes:
    """Give one megabyte that unpacks to a thousand."""
    packer = zlib.compressobj(wbits=31)
    part = b"".join(packer.compress(bytes(1 << 20)) for _ in range(1000)) + packer.flush()
    return reply(part, Content_Encoding="gzip")


def lying() -> bytes:
    return head(Content_Length=1 << 40) + bytes(40 << 20)


@pytest.mark.parametrize("answer", [endless, endless_chunks, endless_gzip, bomb, lying])
def test_no_body_takes_more_than_what_is_allowed(answer, tmp_path):
    bomb()  # made before anything is measured
    with serving(lambda _: answer()) as exchange:
        tracemalloc.start()
        with pytest.raises(BadResponse, match=r"more than 33,554,432 bytes.*not read to its end"):
            send(exchange.endpoint, tmp_path)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    ours = 10 << 20  # of the server that is in this process, too
    assert most < 2.5 * (32 << 20) + ours + (40 << 20) * (answer is lying)


@pytest.mark.parametrize(
    "packing", ["gzip, gzip", "br", "zstd", "compress", "x" * 60_000, "\x9b2J"]
)
def test_a_packing_that_was_not_asked_for_is_refused_unread(packing, tmp_path):
    raw = gzip.compress(gzip.compress(b"[]"))
    with (
        serving(lambda _: reply(raw, Content_Encoding=packing)) as exchange,
        pytest.raises(BadResponse, match="which was not asked for") as caught,
    ):
        send(exchange.endpoint, tmp_path)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


def test_an_endless_head_is_an_error_of_ours(tmp_path):
    def answer() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n"
        yield from itertools.repeat(b"X-More: " + b"a" * 60_000 + b"\r\n")

    with serving(lambda _: answer()) as exchange, pytest.raises(MarketkitError, match="broke"):
        send(exchange.endpoint, tmp_path)


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"\0", b"\x1b[2J" * 20_000 + b"\r\n\r\n", b"HTTP/9.9 200 OK\r\n\r\n"),
        b"HTTP/1.1 999999999999 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n[]\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 100 + b"\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[]",
    ],
    ids=range(11),
)
def test_an_answer_that_is_no_http_is_an_error_of_ours_in_a_line(raw, tmp_path):
    with (
        serving(lambda _: raw) as exchange,
        pytest.raises(MarketkitError) as caught,
    ):
        send(exchange.endpoint, tmp_path)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_what_is_allowed_can_be_set(monkeypatch, tmp_path):
    body = json.dumps([{"market": "KRW-BTC", "korean_name": "x" * 2_000}]).encode()
    monkeypatch.setenv("MARKETKIT_LARGEST_ANSWER", "1000")
    with serving(lambda _: reply(body)) as exchange:
        with pytest.raises(BadResponse, match="more than 1,000 bytes"):
            send(exchange.endpoint, tmp_path)
        monkeypatch.setenv("MARKETKIT_LARGEST_ANSWER", "3000")
        assert send(exchange.endpoint, tmp_path).body == body


@pytest.mark.parametrize("status", [200, 400, 404, 418, 429, 500])
@pytest.mark.parametrize("shape", ["envelope", "bare", "text", "rows"])
def test_words_of_the_exchange_command_no_terminal(status, shape, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    body = {
        "envelope": json.dumps({"error": {"name": HOSTILE, "message": HOSTILE * 1000}}),
        "bare": json.dumps({"name": HOSTILE, "message": HOSTILE}),
        "text": HOSTILE * 1000,
        "rows": json.dumps([{"market": HOSTILE, "korean_name": HOSTILE}]),
    }[shape]
    with (
        serving(lambda _: reply(body.encode(), status)) as exchange,
        pytest.raises(MarketkitError) as caught,
    ):
        bodies.decode_tickers(send(exchange.endpoint, tmp_path).body)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1_000
    assert not set(COMMANDS) & set(caplog.text)


def test_an_error_of_a_call_commands_no_terminal(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    body = json.dumps({"error": {"message": HOSTILE}}).encode()
    with (
        serving(lambda _: reply(body, 400)) as exchange,
        SmartDataProvider(endpoint=exchange.endpoint, lake=tmp_path, limits=FAST_LIMITS) as one,
        pytest.raises(MarketkitError) as caught,
    ):
        one.get_ticker("KRW-BTC")
    assert str(caught.value).isprintable()
    assert not set(COMMANDS) & set(caplog.text)


def _said_of(decode: Callable[[bytes], pl.DataFrame], body: bytes) -> str:
    """Decode a body and read all rows; give the words of an error of ours."""
    try:
        decode(body).rows()
    except MarketkitError as failure:
        return str(failure)
    return ""


VALUES = [
    *("null", "true", "-1", "0", "1e999", "-1e999", "1e308", "1e-400", "-0.0", "0.1e1"),
    *("9" * 400, "9" * 5_000, "9223372036854775807", "-9223372036854775809", "253402300800000"),
    *('""', '"x"', '"\\u0000"', '"\\ud800"', '"KRW-\\u001b[2J"', '"-"', '"NaN"', '"' + "A" * 100_000 + '"'),
    *('"9999-12-31T23:59:59"', '"0000-00-00T00:00:00"', '"2026-13-45T99:99:99"', '"9999-12-31"'),
    *("[]", "{}", "[null]", "[[]]", '[{"bid_price":1e999}]', '{"warning":"x"}', "[" * 2_000 + "]" * 2_000),
    "1.00000000000000000000000000000000000000000001",
]  # fmt: skip
CANDLES = partial(bodies.decode_candles, symbol="KRW-BTC")


@pytest.mark.parametrize(
    ("name", "decode"),
    [
        ("tickers", bodies.decode_tickers),
        ("tickers", partial(bodies.decode_tickers, exact=True)),
        ("trades", bodies.decode_trades),
        ("trades", partial(bodies.decode_trades, exact=True)),
        ("orderbooks", bodies.decode_orderbooks),
        ("orderbooks", partial(bodies.decode_orderbooks, exact=True)),
        ("candles_minutes", CANDLES),
        ("candles_minutes", partial(CANDLES, exact=True)),
        ("markets", bodies.decode_markets),
        ("instruments", bodies.decode_instruments),
    ],
)
def test_a_strange_value_is_an_error_of_ours_or_a_row_that_can_be_read(name, decode):
    first, *others = json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))
    for field, value in itertools.product(first, VALUES):
        body = json.dumps([{**first, field: "@"}, *others]).replace('"@"', value).encode()
        said = _said_of(decode, body)
        assert said.isprintable(), (field, value)
        assert len(said) < 1_000


def test_tables_of_the_command_line_show_hostile_names_spelled_out(tmp_path):
    markets = [{"market": "KRW-BTC", "korean_name": HOSTILE, "english_name": HOSTILE}]
    with serving(lambda _: reply(json.dumps(markets).encode())) as exchange:
        command = [sys.executable, "-m", "marketkit", "--endpoint", exchange.endpoint, "market"]
        done = subprocess.run(
            command,
            check=True,
            capture_output=True,
            env={**os.environ, "MARKETKIT_LAKE": str(tmp_path), "PYTHONIOENCODING": "utf-8"},
        )
    shown = done.stdout.decode() + done.stderr.decode()
    assert "KRW-BTC" in shown
    assert not set(COMMANDS) & set(shown.replace("\r\n", "\n"))
