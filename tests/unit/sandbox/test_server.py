"""The running exchange, over real HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import threading

import httpx
import pytest

from marketkit.errors import InputError
from marketkit.sandbox import Sandbox
from marketkit.sandbox.control import moment
from tests.waiting import PATIENCE

NOW = "2026-11-20T10:17:30.500"


def shape(value):
    """Return the keys of a body in order, all the way down, of the first of each list."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}.items()
    return [shape(part) for part in value[:1]] if isinstance(value, list) else None


def test_a_recorded_market_is_served_digit_for_digit(shared):
    path = shared / "realdata" / "azuremooni_krw" / "DOGE_KRW_1m.csv"
    rows = [line.split(",") for line in path.read_text().splitlines()[-200:]][::-1]
    with Sandbox({"KRW-DOGE:1m": path}) as exchange:
        assert exchange.now() >= moment("2025-10-04T01:18:00")
        reply = httpx.get(
            f"{exchange.endpoint}/v1/candles/minutes/1?market=KRW-DOGE&count=200", timeout=PATIENCE
        )
    served = json.loads(reply.text, parse_float=str)
    assert [row["candle_date_time_utc"].replace("T", " ") for row in served] == [
        row[0] for row in rows
    ]
    for field, column in (
        ("opening_price", 1),
        ("high_price", 2),
        ("low_price", 3),
        ("trade_price", 4),
        ("candle_acc_trade_volume", 5),
    ):
        assert [row[field].rstrip("0").rstrip(".") for row in served] == [
            row[column].rstrip("0").rstrip(".") for row in rows
        ]


def test_paging_back_through_a_real_month_meets_every_candle_once(shared):
    path = shared / "realdata" / "azuremooni_krw" / "DOGE_KRW_1m.csv"
    to, times = "2025-10-01T00:00:00Z", []
    with (
        Sandbox({"KRW-DOGE:1m": path}, limit=(10_000, 1.0)) as exchange,
        httpx.Client(base_url=exchange.endpoint, timeout=PATIENCE) as session,
    ):
        while rows := session.get(
            f"/v1/candles/minutes/1?market=KRW-DOGE&count=200&to={to}"
        ).json():
            times += [row["candle_date_time_utc"] for row in rows]
            to = f"{times[-1]}Z"
        assert exchange.stats()["groups"]["candles"]["requests"] == 216  # the last one is empty
    assert len(times) == len(set(times)) == 42_989
    assert times == sorted(times, reverse=True)


def test_a_taken_port_is_refused(exchange):
    port = int(exchange.endpoint.rpartition(":")[2])
    with pytest.raises(InputError, match="cannot be used"), Sandbox(port=port):
        pass


@pytest.mark.parametrize(
    "wrong",
    [
        {"speed": -1},
        {"latency_ms": -1},
        {"limit_window": "tumbling"},
        {"now": "soon"},
        {"faults": {"x": 1}},
    ],
)
def test_arguments_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError):
        Sandbox(**wrong)


STRUCK = """
import os, signal, sys, threading, time
import httpx
import polars as pl
from marketkit.sandbox import Sandbox

MARKETS = [f"KRW-A{number}" for number in range(12)]

def beside():
    while asking.is_alive():
        try:
            frame.sort("a")
        except KeyboardInterrupt:
            pass

def ask():
    for market in MARKETS:  # of another one each time, whose file is read then
        url = f"{exchange.endpoint}/v1/candles/minutes/5?market={market}&count=200"
        asked.append(httpx.get(url, timeout=120).status_code)

frame, asked, struck = pl.DataFrame({"a": range(2000)}), [], 0
asking, busy = threading.Thread(target=ask), threading.Thread(target=beside)
history = {f"{market}:1m": sys.argv[1] for market in MARKETS}
with Sandbox(history, speed=0, limit=(10_000, 1)) as exchange:
    asking.start()
    busy.start()
    while asking.is_alive():
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(10)
        except KeyboardInterrupt:
            struck += 1
            time.sleep(0.01)
    busy.join()
print(asked == [200] * len(MARKETS), struck > 10)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a single process there")
def test_ctrl_c_in_the_main_thread_ends_no_server_beside_it(shared, tmp_path):
    path = shared / "realdata" / "azuremooni_krw" / "DOGE_KRW_1m.csv"
    few = tmp_path / "few.csv"  # to read all for each market takes a minute on a busy machine
    few.write_text("".join(path.read_text("utf-8").splitlines(keepends=True)[:3000]), "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", STRUCK, str(few)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True True\n", "")


def test_closing_leaves_no_thread_behind():
    with Sandbox(now=NOW):
        pass
    assert not any(
        thread.name == "marketkit-sandbox" and not thread.daemon for thread in threading.enumerate()
    )
