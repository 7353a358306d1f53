"""The contract check against an exchange that keeps it, and finds each way of breaking it."""

from __future__ import annotations

import json
import re

import polars as pl
import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.cli.main import main
from marketkit.sandbox import Sandbox
from marketkit.sandbox.odd import KINDS, NONE, ODD_CODE
from tests.integration.conftest import FAST_LIMITS

NAMES = (
    *("markets", "all tickers", "tickers", "order books", "levels", "trades"),
    *(f"candles {width}" for width in ("1s", "1m", "4h", "1d", "1w", "1M", "1y")),
    *("headers", "limits", "stream ticker", "stream trade", "stream orderbook"),
    *(f"stream candle.{width}" for width in ("1s", "1m", "3m", "5m", "10m", "15m", "30m")),
    *("stream candle.60m", "stream candle.240m"),
)
STREAMED = ("null-price", "zero-price", "unknown-change", "unknown-enum", "extra-field",
            "wrong-market", "future-candle")  # fmt: skip
WORST = {"extra-field": "note", ODD_CODE: "note", "unknown-enum": "look", "unknown-change": "look",
         "unordered": "look"}  # fmt: skip
pytestmark = pytest.mark.filterwarnings("ignore:the clock of this machine")


@pytest.fixture(scope="module")
def budget(tmp_path_factory):
    """One budget for all looks: where the past is unknown, a handshake waits for a second."""
    return tmp_path_factory.mktemp("budget")


@pytest.fixture
def look(exchange, budget, tmp_path, monkeypatch):
    """Look at the exchange when markets have traded for half a day."""
    exchange.set_clock(now="2026-11-20T12:00:30Z", speed=0)
    monkeypatch.setenv("MARKETKIT_BUDGET_DIR", str(budget))
    where = {"endpoint": exchange.endpoint, "lake": tmp_path / "lake"}

    def live() -> pl.DataFrame:
        with SmartDataProvider(**where, limits=FAST_LIMITS) as provider:
            found = provider.doctor(live=True)
        return found.filter(pl.col("check").str.starts_with("live "))

    return live


def test_an_exchange_as_documented_is_good_in_every_point(look, exchange):
    found = look()
    assert found["check"].to_list() == [f"live {name}" for name in NAMES]
    assert set(found["state"]) == {"good"}, found.filter(pl.col("state") != "good").rows()
    groups = exchange.stats()["groups"]
    assert groups["candles"]["requests"] == 7
    assert not any(group["rejected"] for group in groups.values())


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != NONE])
def test_every_kind_of_odd_body_is_found(look, exchange, kind):
    exchange.set_odd(kind, "USDT-币安人生" if kind == ODD_CODE else None)
    found = look().filter(pl.col("state") != "good")
    rest = found.filter(~pl.col("check").str.starts_with("live stream"))
    assert rest.height
    assert found.height > rest.height or kind not in STREAMED
    assert found["state"].max() == WORST.get(kind, "bad")
    assert all(found["do"])


@pytest.mark.parametrize("path", ["market", "ticker", "orderbook", "candles", "trades", "stream"])
def test_a_stranger_among_the_rows_is_found_wherever_it_is(look, exchange, path):
    exchange.set_odd("wrong-market", "KRW-BTC", path=path)
    assert look().filter(pl.col("state") != "good").height


def test_an_answer_that_is_no_data_is_bad_and_the_rest_is_looked_at(look, exchange):
    exchange.set_faults({"html": 1.0})
    found = look()
    assert found.filter(check="live markets")["state"].to_list()[0] == "bad"


def test_a_lower_limit_is_told(exchange, tmp_path, capsys):
    with Sandbox(seed=1, now="2026-11-20T12:00:30Z", speed=0, limit={"ticker": (5, 1)}) as lower:
        where = ["--endpoint", lower.endpoint, "--lake", str(tmp_path / "lake")]
        code = main(["doctor", "--live", "--json", *where])
    rows = [row for row in json.loads(capsys.readouterr().out) if row["check"] == "live limits"]
    assert code == 3
    assert rows[0]["detail"].startswith("ticker: at most 4 were left after one")


def test_the_report_is_a_page_of_markdown_without_anything_personal(
    exchange, tmp_path, capsys, monkeypatch
):
    exchange.set_clock(now="2026-11-20T12:00:30Z", speed=0)
    home = tmp_path / "home" / "minjun"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("LOGNAME", "minjun")
    lake = str(home / "lake")
    code = main(["doctor", "--live", "--endpoint", exchange.endpoint, "--lake", lake])
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert code == 3  # the clock of the sandbox is not that of this machine
    assert lines[0] == "## marketkit doctor"
    assert all(line.count(" | ") >= 3 for line in lines[4:] if line.startswith("| "))
    assert "| good | live trades | 50 rows" in out
    assert "minjun" not in out
    assert not re.search(r"\d+\.\d+\.\d+\.\d+", out)
    assert "~/lake" in out
