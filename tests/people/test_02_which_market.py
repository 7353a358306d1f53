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
def test_rows_may_spell_a_market_in_any_way(lake, file, rows):
    path = file(HEADER + row(0, rows))
    (came,) = lake.import_(path, symbol=None, timeframe="1m", settled=True)
    assert came.symbol == "KRW-BTC"
    assert lake.catalog()["symbol"].to_list() == ["KRW-BTC"]


@pytest.mark.parametrize("asked", SPELLINGS)
def test_a_caller_may_spell_a_market_in_any_way(lake, file, asked):
    path = file(HEADER + row(0, "KRW_BTC"))
    assert lake.import_(path, symbol=asked, timeframe="1m", settled=True).symbol == "KRW-BTC"
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
    (came,) = lake.import_(path, symbol=None, timeframe="1m")
    assert came.symbol == "KRW-BTC"


def test_a_name_of_another_market_is_refused_unless_forced(lake, file):
    path = file(PLAIN + row(0), "KRW-ETH_1m.csv")
    with pytest.raises(InputError, match=r"its name says KRW-ETH, not KRW-BTC.*force=True"):
        lake.import_(path, symbol="KRW-BTC", timeframe="1m")
    assert not lake.root.exists()
    assert lake.import_(path, symbol="KRW-BTC", timeframe="1m", force=True).distinct == 1


def test_all_markets_of_a_file_are_imported_each_with_its_report(lake, file):
    rows = [(0, "BTC/KRW"), (1, "ETH/KRW"), (2, "KRW_BTC"), (3, "ETH/BTC")]
    path = file(HEADER + "".join(row(*each) for each in rows))
    came = lake.import_(path, symbol=None, timeframe="1m", settled=True)
    assert came.frame["symbol"].to_list() == ["BTC-ETH", "KRW-BTC", "KRW-ETH"]
    assert came.frame["rows"].to_list() == [1, 2, 1]
    assert lake.read("KRW-BTC", "1m")["time"].dt.minute().to_list() == [0, 2]


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


def test_the_command_line_imports_all_markets_and_refuses_another_name(tmp_path, file, capsys):
    given = ["--timeframe", "1m", "--lake", str(tmp_path / "lake")]
    path = file(HEADER + row(0, "BTC/KRW") + row(1, "ETH/KRW"))
    assert main(["lake", "import", str(path), "--json", *given]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["symbol"] for each in told["markets"]] == ["KRW-BTC", "KRW-ETH"]
    path = file(PLAIN + row(0), "KRW-ETH_1m.csv")
    assert main(["lake", "import", str(path), "--symbol", "KRW-BTC", *given]) == 2
    assert "its name says KRW-ETH, not KRW-BTC" in capsys.readouterr().err
    assert main(["lake", "import", str(path), "--symbol", "KRW-BTC", "--force", *given]) == 0
