"""`marketkit bars`: every kind from trades, and what it refuses before anything is asked."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

import marketkit as mk
from marketkit.sandbox import Sandbox

SPAN = ("--start", "2026-11-20T00:05", "--end", "2026-11-20T00:10")


@pytest.fixture(scope="module")
def exchange():
    with Sandbox(seed=1, now="2026-11-20T00:10:30Z", speed=0) as one:
        yield one


@pytest.fixture
def where(exchange, tmp_path):
    return "--endpoint", exchange.endpoint, "--lake", tmp_path / "lake"


def test_bars_of_a_width_are_the_candles_of_that_width(where, run):
    code, out, err = run("bars", "KRW-BTC", "KRW-ETH", "1m", *SPAN, *where, "--json")
    assert code == 0, err
    bars = json.loads(out)
    _, out, _ = run("candles", "KRW-BTC", "KRW-ETH", "--timeframe", "1m", *SPAN, *where, "--json")
    names = ("symbol", "time", "open", "high", "low", "close", "volume")
    candles = json.loads(out)
    assert [[bar[name] for name in names] for bar in bars] == [
        [candle[name] for name in names] for candle in candles
    ]
    assert {"trades", "last"} < bars[0].keys()


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("--timeframe", "2h", "--forming"), {"kind": "2h", "forming": True}),
        (("--tick", "7"), {"tick": 7}),
        (("--volume", "0.3"), {"volume": Decimal("0.3")}),
        (("--value", "1e7"), {"value": 10_000_000}),
        (("--imbalance", "--tick", "2"), {"kind": "imbalance", "tick": 2}),
        (("imbalance", "--volume", "0.3"), {"kind": "imbalance", "volume": 0.3}),
    ],
)
def test_a_kind_is_that_of_the_call(exchange, where, run, tmp_path, words, kind):
    span = {"start": "2026-11-20T00:00", "end": "2026-11-20T00:10"}
    given = ("--start", span["start"], "--end", span["end"])
    code, out, err = run("bars", "KRW-BTC", *words, *given, *where, "--json")
    assert code == 0, err
    with mk.SmartDataProvider(endpoint=exchange.endpoint, lake=tmp_path / "lake") as provider:
        bars = provider.bars("KRW-BTC", **kind, **span)
    assert [bar["close"] for bar in json.loads(out)] == bars["close"].to_list() != []


def test_people_see_a_table_and_programs_get_every_digit(where, run):
    code, out, _ = run("bars", "KRW-BTC", "5m", *SPAN, *where)
    assert code == 0
    assert "KRW-BTC" in out
    assert "trades" in out
    words = ("5m", *SPAN, *where, "--json", "--precision", "decimal")
    (bar,) = json.loads(run("bars", "KRW-BTC", *words)[1])
    assert isinstance(bar["volume"], str)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("KRW-BTC", *SPAN), "bars of what? Give a width behind the symbols"),
        (("1m", *SPAN), "bars of what? Give a width"),
        (("KRW-BTC", "1m"), "Give --start, such as -1d, or --recording"),
        (("KRW-BTC", "1m", "--imbalance", *SPAN), "1m and imbalance: bars are of one kind"),
        (("KRW-BTC", "1m", "--timeframe", "3m", *SPAN), "1m and 3m: bars are of one kind"),
        (("KRW-BTC", "--volume", "much", *SPAN), "much is no number"),
        (("KRW-BTC", "--tick", "1.5", *SPAN), "invalid int value: '1.5'"),
    ],
)
def test_a_line_that_makes_no_sense_is_bad_usage(run, capsys, words, said):
    with pytest.raises(SystemExit) as ended:
        run("bars", *words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--tick", "5", "--volume", "5"), "of one kind"),
        (("--volume", "0"), "above zero"),
        (("--timeframe", "7m"), "unknown timeframe '7m'"),
        (("7m",), "unknown timeframe '7m'"),
        (("--tick", "5", "--fill", "null"), "for bars of time"),
    ],
)
def test_amounts_are_judged_as_the_call_does(where, run, words, said):
    code, out, err = run("bars", "KRW-BTC", *words, *SPAN, *where)
    assert (code, out) == (2, "")
    assert said in err
