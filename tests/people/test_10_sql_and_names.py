"""Any answer of a query as JSON, and lakes in folders with names that look like escapes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from marketkit.cli.main import main
from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from tests.unit.data.lake.conftest import make_candles

HOUR = 3_600_000
JANUARY = 1_704_067_200_000  # 2024-01-01T00:00Z
pytest.importorskip("duckdb")


def fill(root: Path, symbols=("KRW-BTC", "KRW-ETH")) -> Lake:
    lake = Lake(root)
    for symbol in symbols:
        rows = make_candles([JANUARY, JANUARY + HOUR], symbol)
        lake.append(symbol, "1h", rows, Spans([(JANUARY, JANUARY + 2 * HOUR)]))
    return lake


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("asked") / "lake").root


def no_word(said):
    raise ValueError(f"{said} is no word of JSON")


@pytest.fixture
def ask(root, capsys):
    """Ask on the command line; gives the code, the rows of JSON, and the problems."""

    def asked(text, *options):
        code = main(["lake", "sql", text, "--json", "--lake", str(root), *options])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        rows = json.loads(said.out, parse_constant=no_word) if said.out else None
        return code, rows, said.err

    return asked


FROM = "from candles_1h limit 1"
ANSWERS = {
    "min(time)": "2024-01-01T00:00:00.000+00:00",
    "min(time) at time zone 'Asia/Seoul'": "2024-01-01T09:00:00.000",
    "timestamp '2024-01-01 00:00:00.000001'": "2024-01-01T00:00:00.000001",
    "timestamp_ns '2024-01-01 00:00:00.123456789'": "2024-01-01T00:00:00.123456789",
    "timestamp_s '2024-01-01 00:00:01'": "2024-01-01T00:00:01.000",
    "time '10:00:00'": "10:00:00",
    "timetz '10:00:00+09'": "10:00:00+09",
    "date '2024-02-29'": "2024-02-29",
    "interval 1 month": "1 month",
    "max(time) - min(time)": "01:00:00",
    "1.50::decimal(18,2)": "1.50",
    "12345678901234567890.123::decimal(38,3)": "12345678901234567890.123",
    "7::decimal(18,0)": 7,
    "sum(1::bigint)": 4,
    "count(*)": 4,
    "'\\xFF\\x00ab'::blob": "ff006162",
    "'101'::bit": "101",
    "'nan'::double": None,
    "'-inf'::float": None,
    "null": None,
    "true": True,
    "'비트코인'": "비트코인",
    "'a'::enum('a', 'b')": "a",
    "[1, null, 3]": [1, None, 3],
    "[1.50::decimal(9,2), null]": ["1.50", None],
    "list(distinct time order by time)": [
        "2024-01-01T00:00:00.000+00:00",
        "2024-01-01T01:00:00.000+00:00",
    ],
    "{'a': 1, 'b': {'c': 'x'::blob, 'd': ['nan'::double]}}": {
        "a": 1,
        "b": {"c": "78", "d": [None]},
    },
    "[{'at': date '2024-01-01'}]": [{"at": "2024-01-01"}],
    "map(['a'], [min(time)])": {"a": "2024-01-01T00:00:00.000+00:00"},
    "histogram(close)": {"100.0": 4},
    "[1, 2]::int[2]": [1, 2],
    "union_value(a := 1)": "1",
    "{'i': interval 1 day}": "{'i': 1 day}",
    "'{\"a\": 1}'::json": '{"a": 1}',
}


@pytest.mark.parametrize("said", ANSWERS)
def test_whatever_a_query_gives_comes_as_json(ask, said):
    assert ask(f"select {said} as x {FROM}") == (0, [{"x": ANSWERS[said]}], "")


def test_all_kinds_stand_in_one_row_and_come_as_a_frame_and_as_a_table_too(root, ask, capsys):
    columns = ", ".join(f"{said} as x{at}" for at, said in enumerate(ANSWERS))
    text = f"select {columns} {FROM}"
    code, rows, _ = ask(text)
    assert (code, list(rows[0].values())) == (0, list(ANSWERS.values()))
    assert Lake(root).sql(text).width == len(ANSWERS)
    assert main(["lake", "sql", text, "--lake", str(root)]) == 0
    assert "Traceback" not in capsys.readouterr().err


def test_candles_come_as_ever(ask):
    code, rows, _ = ask("select * from candles_1h order by time, symbol limit 1")
    assert code == 0
    assert rows == [
        {
            "symbol": "KRW-BTC",
            "time": "2024-01-01T00:00:00.000+00:00",
            **dict.fromkeys(("open", "high", "low", "close"), 100.0),
            "volume": 1.0,
            "value": 100.0,
        }
    ]
    assert ask("select * from candles_1h limit 0") == (0, [], "")


FAR = ("'infinity'::timestamp", "'290000-01-01'::timestamp", "'0044-01-01 (BC)'::date")


@pytest.mark.parametrize("said", FAR)
def test_a_time_of_no_calendar_is_refused_in_a_line_that_says_what_to_write(ask, said):
    code, rows, problem = ask(f"select {said} as far")
    assert (code, rows) == (2, None)
    assert "column 'far'" in problem
    assert "select far::varchar" in problem
    assert ask(f"select ({said})::varchar as far")[0] == 0


NAMES = ["%20", "a%2Fb", "100%", "%ED%95%9C", "한글 이름", "a b#c?d"]


def everywhere(table: Path, tmp_path: Path) -> Path:
    """Give a copy of a table in a folder of a plain name, where any reader finds it."""
    return shutil.copytree(table, tmp_path / "plain" / "table")


@pytest.mark.parametrize("name", NAMES)
def test_a_set_is_published_whatever_the_folder_is_called(tmp_path, capsys, name):
    deltalake = pytest.importorskip("deltalake")
    lake = fill(tmp_path / name / "lake", ("KRW-BTC", "KRW-a/b", "USDT-币安人生"))
    lake.freeze("kept")
    assert main(["lake", "publish", "kept", "--lake", str(lake.root)]) == 0
    assert str(lake.root / "snapshots/kept/candles") in capsys.readouterr().out
    log = lake.root / "snapshots/kept/candles/_delta_log"
    before = [(each.name, each.stat().st_ino) for each in log.iterdir()]
    assert lake.publish("kept") == log.parent
    assert [(each.name, each.stat().st_ino) for each in log.iterdir()] == before
    table = deltalake.DeltaTable(str(everywhere(log.parent, tmp_path)))
    rows = pl.from_arrow(table.to_pyarrow_table()).sort("symbol", "time")
    assert rows.select("symbol", "close").equals(lake.read(None, "1h").select("symbol", "close"))
    assert {each.name for each in tmp_path.iterdir()} == {name, "plain"}
    assert lake.verify("kept").is_empty()


def test_files_of_other_programs_are_no_part_of_a_published_table(tmp_path):
    deltalake = pytest.importorskip("deltalake")
    lake = fill(tmp_path / "lake")
    lake.freeze("kept")
    folder = next((lake.root / "snapshots").rglob("series=KRW-BTC"))
    for name in ("._all.parquet", "all (conflicted copy).parquet", ".DS_Store", "all.parquet~"):
        shutil.copy(folder / "all.parquet", folder / name)
    assert lake.verify("kept").is_empty()
    table = deltalake.DeltaTable(str(lake.publish("kept")))
    assert table.to_pyarrow_table().num_rows == 4
    assert lake.thaw("kept", tmp_path / "thawed").read(None, "1h").height == 4
    assert set(lake.audit()["finding"]) == {"stray"}


@pytest.mark.parametrize("name", NAMES[:2])
def test_every_command_works_in_a_folder_named_like_an_escape(tmp_path, capsys, name):
    lake = fill(tmp_path / name)
    commands = (
        *(["ls"], ["coverage"], ["audit"], ["freeze", "a"], ["verify", "a"], ["diff", "a"]),
        *(["sql", "select count(*) from candles"], ["export", str(tmp_path / f"{name}.csv")]),
        *(["thaw", "a", str(tmp_path / f"{name}-new")], ["repair"], ["du"]),
    )
    for arguments in commands:
        assert (arguments, main(["lake", *arguments, "--lake", str(lake.root)])) == (arguments, 0)
    assert capsys.readouterr().err == ""
