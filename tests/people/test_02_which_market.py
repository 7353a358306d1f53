"""Which market: all spellings of one are one, and what names none is never guessed at."""

from __future__ import annotations

import json

import pytest

from marketkit.cli.main import main
from marketkit.data.lake import Lake
from marketkit.errors import InputError

SPELLINGS = ["KRW-BTC", "BTC/KRW", "KRW_BTC", "BTC_KRW", "BTCKRW", "btckrw", "CRIX.UPBIT.KRW-BTC"]
HEADER = "time,market,open,high,low,close,volume\n"
PLAIN = "time,open,high,low,close,volume\n"


def row(minute, market=None, close=100):
    named = "" if market is None else f"{market},"
    return f"2024-01-01T00:{minute:02d}:00Z,{named}{close},{close},{close},{close},1.5\n"


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


@pytest.fixture
def file(tmp_path):
    def write(text, name="given.csv"):
        path = tmp_path / name
        path.write_text(text, "utf-8")
        return path

    return write


@pytest.mark.parametrize("rows", SPELLINGS)
@pytest.mark.parametrize("asked", [*SPELLINGS, None])
def test_rows_and_caller_may_spell_a_market_in_any_way(lake, file, rows, asked):
    path = file(HEADER + row(0, rows))
    assert lake.import_(path, symbol=asked, timeframe="1m").symbol == "KRW-BTC"
    assert lake.catalog()["symbol"].to_list() == ["KRW-BTC"]


def test_spellings_that_mix_in_a_file_are_one_series(lake, file):
    path = file(HEADER + "".join(row(at, name) for at, name in enumerate(SPELLINGS)))
    assert lake.import_(path, symbol="KRW-BTC", timeframe="1m").distinct == len(SPELLINGS)


@pytest.mark.parametrize(
    "name",
    [
        *("KRW-BTC.csv", "BTC_KRW-1m.csv", "UPBIT_BTCKRW, 1.csv", "CRIX.UPBIT.KRW-BTC.csv"),
        *("KRW-BTC_candle-1m_20240101.csv", "upbit_krw_btc_2024.csv"),
    ],
)
def test_the_market_may_stand_in_the_name_of_the_file_alone(lake, file, name):
    path = file(PLAIN + row(0), name)
    assert lake.import_(path, symbol=None, timeframe="1m").symbol == "KRW-BTC"


def test_a_market_that_nothing_names_must_be_said(lake, file):
    with pytest.raises(InputError, match="symbol="):
        lake.import_(file(PLAIN + row(0)), symbol=None, timeframe="1m")
    assert not lake.root.exists()


def test_rows_of_another_market_never_slip_into_a_series(lake, file):
    path = file(HEADER + row(0, "BTC/KRW") + row(1, "ETH/KRW") + row(2, "KRW_BTC"))
    assert lake.import_(path, symbol="KRW-BTC", timeframe="1m").distinct == 2
    assert lake.import_(path, symbol="ETH/KRW", timeframe="1m").distinct == 1
    with pytest.raises(InputError, match="candles of KRW-BTC, KRW-ETH, not of KRW-SOL"):
        lake.import_(path, symbol="KRW-SOL", timeframe="1m")


@pytest.mark.parametrize(
    ("cell", "match"),
    [
        ("", "row 2, column 'market' is empty"),
        ("BTC", "row 2, column 'market': 'BTC' is no market"),
        ("bitcoin", "'bitcoin' is no market"),
        ("BINANCE:BTCUSDT", "'BINANCE:BTCUSDT' is no market"),
        ("TOTAL", "'TOTAL' is no market"),
    ],
)
@pytest.mark.parametrize("covering", ["rows", "range"])
def test_a_row_of_no_market_refuses_the_file_and_proves_nothing(lake, file, cell, match, covering):
    path = file(HEADER + row(0, "KRW-BTC") + row(1, cell) + row(2, "KRW-BTC"))
    with pytest.raises(InputError, match=match) as caught:
        lake.import_(path, symbol="KRW-BTC", timeframe="1m", covering=covering)
    assert str(path) in str(caught.value)
    assert "columns={'symbol': None}" in str(caught.value)
    assert not lake.root.exists()


def test_a_column_that_only_seems_to_name_the_market_is_left_out_where_that_is_said(lake, file):
    path = file(HEADER.replace("market", "code") + row(0, "7"))
    came = lake.import_(path, symbol="KRW-BTC", timeframe="1m", columns={"symbol": None})
    assert came.distinct == 1


def test_the_command_line_takes_every_spelling(tmp_path, file, capsys):
    path = file("time,what,open,high,low,close,volume\n" + row(0, "UPBIT:BTCKRW"))
    given = ["--timeframe", "1m", "--lake", str(tmp_path / "lake"), "--symbol-column", "what"]
    assert main(["lake", "import", str(path), "--symbol", "BTC/KRW", "--json", *given]) == 0
    assert json.loads(capsys.readouterr().out)["symbol"] == "KRW-BTC"


def test_the_command_line_names_the_file_the_row_and_the_value(tmp_path, file, capsys):
    path = file(HEADER + row(0, "KRW-BTC") + row(1, "BTC"))
    given = ["--timeframe", "1m", "--lake", str(tmp_path / "lake")]
    assert main(["lake", "import", str(path), *given]) == 2
    said = capsys.readouterr().err
    assert f"{path}: row 2, column 'market': 'BTC' is no market" in said
    assert not (tmp_path / "lake").exists()
