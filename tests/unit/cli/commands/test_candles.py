"""`marketkit candles`: from a lake, and what it refuses before anything is asked."""

from __future__ import annotations

import json

import pytest


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("KRW-BTC", "--timeframe", "1x"), "unknown timeframe '1x'"),
        (("KRW-BTC", "--count", "0"), "count=0"),
        (("../x",), "'../x'"),
        (("KRW-BTC", "--tz", "Mars"), "Mars"),
        (("KRW-A", "--rename", "KRW-A=KRW-B", "--rename", "KRW-B=KRW-A"), "circle"),
    ],
)
def test_bad_usage_is_exit_code_2_and_one_sentence(run, arguments, said):
    code, out, err = run("candles", *arguments)
    assert (code, out) == (2, "")
    assert said in err
    code, out, err = run("candles", *arguments, "--json")
    assert (code, out) == (2, "")
    assert said in json.loads(err)["message"]


@pytest.mark.parametrize(
    "wrong", [("--rename", "KRW-A"), ("--source", "moon"), ("--fill", "zero"), ("--count", "few")]
)
def test_words_that_are_no_choice_are_bad_usage(run, wrong):
    with pytest.raises(SystemExit) as ended:
        run("candles", "KRW-BTC", *wrong)
    assert ended.value.code == 2


def test_candles_of_a_lake_are_printed_without_an_exchange(run, tmp_path):
    path = tmp_path / "minutes.csv"
    lines = [f"2026-01-01T00:0{n}:00Z,10,20,9,{10 + n},1.5,15" for n in (0, 1, 3)]
    path.write_text("\n".join(["timestamp,open,high,low,close,volume,value", *lines]) + "\n")
    where = ("--lake", tmp_path / "lake", "--endpoint", "http://127.0.0.1:9", "--json")
    series = ("--timeframe", "1m", "--covering", "range", "--settled")
    assert run("lake", "import", path, "--symbol", "KRW-BTC", *series, *where)[0] == 0
    span = ("--start", "2026-01-01", "--end", "2026-01-01T00:04")
    code, out, err = run("candles", "KRW-BTC", *span, "--source", "lake", *where)
    assert code == 0, err
    assert [candle["close"] for candle in json.loads(out)] == [10, 11, 13]
    _, out, _ = run("candles", "KRW-BTC", *span, "--source", "lake", "--fill", "forward", *where)
    assert [candle["close"] for candle in json.loads(out)] == [10, 11, 11, 13]
    wide = ("--timeframe", "3m", "--end", "2026-01-01T00:03", *span[:2], "--source", "lake", *where)
    assert run("candles", "KRW-BTC", *wide)[0] == 0
    code, _, err = run("candles", "KRW-BTC", *wide, "--own")
    assert code == 1
    assert "the lake has no 3m candles of KRW-BTC" in err
    longer = ("--start", "2026-01-01", "--end", "2026-01-01T00:05")
    code, _, err = run("candles", "KRW-BTC", *longer, "--source", "lake", *where)
    assert code == 1
    assert "KRW-BTC" in err
