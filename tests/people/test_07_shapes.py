"""Shapes: files as other programs, other countries and other machines write them."""

from __future__ import annotations

import gzip
import io
import json
import sys
import zipfile
from datetime import UTC, datetime

import polars as pl
import pytest

from marketkit.cli.main import main
from marketkit.data.lake import Lake
from marketkit.errors import InputError
from tests.people.workbook import workbook

HEADER = "time,open,high,low,close,volume,value"
ROW = "2024-01-01T00:{:02d}:00Z,100,104,99.5,102,10.5,1050"
CSV = "\n".join([HEADER, *map(ROW.format, range(3)), ""])
KOREAN = "일시,시가,고가,저가,종가,거래량,거래대금"
NUMBERS = (100.0, 104.0, 99.5, 102.0, 10.5, 1050.0)
PAGE = [
    {
        "market": "KRW-BTC",
        "candle_date_time_utc": f"2024-01-01T00:{minute:02d}:00",
        "candle_date_time_kst": f"2024-01-01T09:{minute:02d}:00",
        "opening_price": 100.0,
        "high_price": 104.0,
        "low_price": 99.5,
        "trade_price": 102.0,
        "timestamp": 1704067259999,
        "candle_acc_trade_price": 1050.0,
        "candle_acc_trade_volume": 10.5,
        "unit": 1,
    }
    for minute in (2, 1, 0)
]


def zipped(*members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members:
            packed.writestr(name, content)
    return file.getvalue()


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


@pytest.fixture
def taken(lake, tmp_path):
    """Import a file of some name and bytes, and give the rows of the lake."""

    def take(name, content, **options):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        lake.import_(path, **{"symbol": "KRW-BTC", "timeframe": "1m", **options})
        return lake.read("KRW-BTC", "1m")

    return take


@pytest.fixture
def refused(lake, taken):
    def refuse(match, name, content, **options):
        with pytest.raises(InputError, match=match) as caught:
            taken(name, content, **options)
        assert name in str(caught.value)
        assert not lake.root.exists()
        return str(caught.value)

    return refuse


def same(rows, count=3):
    assert rows["time"].dt.minute().to_list() == list(range(count))
    assert {row[2:] for row in rows.rows()} == {NUMBERS}
    return True


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", CSV),
        ("a.CSV", CSV),
        ("a.txt", CSV.replace(",", "\t")),
        ("a.csv.gz", gzip.compress(CSV.encode())),
        ("a.zip", zipped(("a.csv", CSV))),
        ("a.json", json.dumps(PAGE)),
        ("a.json", json.dumps([PAGE[:2], PAGE[2:]], indent=1)),
        ("a.json", "".join(json.dumps([each]) for each in PAGE)),
        ("a.jsonl", "\n".join(map(json.dumps, PAGE))),
        ("a.jsonl", "\n".join(json.dumps([each]) for each in PAGE)),
        ("a.json.gz", gzip.compress(json.dumps(PAGE).encode())),
    ],
)
def test_a_file_may_be_packed_and_of_any_kind(taken, name, content):
    assert same(taken(name, content))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp949", "euc-kr"])
@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_encodings_separators_and_korean_headers_are_found(taken, encoding, sign):
    text = CSV.replace(HEADER, KOREAN).replace(",", sign)
    assert same(taken("자료.csv", text.encode(encoding)))


@pytest.mark.parametrize(
    "header",
    [
        "체결시간,시가,고가,저가,현재가,누적거래량,누적거래대금",
        "시간,시가,고가,저가,종가,거래량,거래대금",
        "시간(UTC),시가(KRW),고가(KRW),저가(KRW),종가(KRW),거래량(BTC),거래대금(KRW)",
    ],
)
def test_korean_names_of_columns_come_in_many_words(taken, header):
    assert same(taken("a.csv", CSV.replace(HEADER, header)))


@pytest.mark.parametrize("above", ["# by me\n", "https://www.cryptodatadownload.com\n", "\n"])
def test_a_line_above_the_header_is_no_row(taken, above):
    assert same(taken("a.csv", above + CSV))


def test_an_encoding_may_be_given_and_a_false_one_is_refused(taken, refused):
    text = CSV.replace(HEADER, KOREAN).encode("cp949")
    said = refused("no text in encoding='utf-8': say which it is", "a.csv", text, encoding="utf-8")
    assert "encoding='cp949'" in said
    refused("unknown encoding='utf-99'", "a.csv", text, encoding="utf-99")
    assert same(taken("a.csv", text, encoding="cp949"))


def test_any_name_may_be_given_to_a_column(taken):
    names = {"time": "가", "open": "나", "high": "다", "low": "라", "close": "마", "volume": "바"}
    text = CSV.replace(HEADER, "가,나,다,라,마,바,사")
    assert same(taken("a.csv", text, columns={**names, "value": "사"}))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (CSV.replace(",", ";").replace("99.5", "99,5"), "row 1, column 'low': '99,5' is no number"),
        (CSV.replace("99.5", '"99,5"'), "row 1, column 'low': '99,5' is no number: write decimals"),
        (CSV.replace("99.5", "99,5"), "row 1 has 8 cells, and the header 7: are decimals"),
    ],
)
def test_decimals_with_a_comma_are_refused_with_a_hint(refused, text, match):
    assert "point" in refused(match, "a.csv", text)


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("a.zip", zipped(("a.csv", CSV), ("b.csv", CSV)), "holds 2 files"),
        ("a.zip", zipped(("../../a.csv", CSV)), "leads out of the archive"),
        ("a.zip", zipped(("a.csv", CSV + "\n" * 9_000_000)), "unpacks to more than"),
        ("a.csv.gz", gzip.compress(b" " * 9_000_000), "unpacks to more than"),
        ("a.csv.gz", gzip.compress(CSV.encode())[:-8], "no whole gzip"),
        ("a.json", '[{"market": "KRW-BTC"', "line 1 is no JSON"),
        ("a.json", '{"error": {"message": "Too many requests"}}', "an error of the exchange"),
        ("a.csv", "version https://git-lfs.github.com/spec/v1\noid x\n", "a Git LFS pointer"),
        ("a.csv", b"\xff\xfe\xfd\xfc\x80", "encoding"),
        ("a.csv", CSV.replace("102", "true"), "'true' is no number"),
        ("a.csv", "a,b\n1,2\n", r"known to be the time; say columns="),
        ("a.parquet", b"PAR1", "no whole Parquet file"),
    ],
)
def test_what_cannot_be_read_is_told_in_our_own_words(refused, name, content, match):
    said = refused(match, name, content)
    assert not any(word in said for word in ("ignore_errors", "infer_schema", "polars", "pyarrow"))


def frame(**types):
    cells = {
        "open": 100.0,
        "high": 104.0,
        "low": 99.5,
        "close": 102.0,
        "volume": 10.5,
        "value": 1050.0,
    }
    date = datetime(2024, 1, 1, tzinfo=UTC)
    columns = {"date": [date], **{name: [cell] for name, cell in cells.items()}}
    return pl.DataFrame(columns).with_columns(**types)


def written(rows, suffix):
    file = io.BytesIO()
    (rows.write_parquet if suffix == ".parquet" else rows.write_ipc)(file)
    return file.getvalue()


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_prices_of_32_bits_are_read_as_they_were_meant(taken, suffix):
    price = pl.lit(178_345_000.0)
    small = pl.lit(0.1).cast(pl.Float32)
    prices = {name: price.cast(pl.Float32) for name in ("open", "high", "close")}
    rows = taken(f"a{suffix}", written(frame(**prices, low=small), suffix))
    assert rows.row(0)[2:6] == (178_345_000.0, 178_345_000.0, 0.1, 178_345_000.0)


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_nan_is_nothing_and_booleans_are_no_numbers(taken, refused, suffix):
    refused(
        "true and false, which are no numbers",
        f"b{suffix}",
        written(frame(volume=pl.lit(value=True)), suffix),
    )
    rows = taken(f"a{suffix}", written(frame(value=pl.lit(float("nan"))), suffix))
    assert rows["value"].to_list() == [None]


def test_the_first_sheet_of_a_workbook_is_a_table(taken):
    pytest.importorskip("fastexcel")
    cells = [f"2024-01-01 09:0{minute}" for minute in range(3)]
    rows = ([cell, 100.0, 104.0, 99.5, 102.0, 10.5, 1050.0] for cell in cells)
    content = workbook(["내 자료"], KOREAN.split(","), *rows)
    assert same(taken("자료.xlsx", content, tz="Asia/Seoul"))


def test_a_workbook_without_its_reader_names_the_extra(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "fastexcel", None)
    (tmp_path / "a.xlsx").write_bytes(workbook(["time"]))
    shared = ["--symbol", "KRW-BTC", "--timeframe", "1m", "--lake", str(tmp_path / "lake")]
    assert main(["lake", "import", str(tmp_path / "a.xlsx"), *shared]) == 1
    assert "pip install 'marketkit-upbit[excel]'" in capsys.readouterr().err


@pytest.fixture
def days(tmp_path):
    folder = tmp_path / "days"
    folder.mkdir()
    for day in range(1, 4):
        text = CSV.replace("2024-01-01", f"2024-01-{day:02d}")
        (folder / f"{day}.csv").write_text(text)
    (folder / "README.md").write_text("about")
    (folder / ".1.csv.swp").write_text("half")
    return folder


@pytest.mark.parametrize("kind", ["folder", "glob", "list"])
def test_a_folder_a_glob_and_a_list_are_many_files(lake, days, kind):
    given = {"folder": days, "glob": str(days / "*.csv"), "list": sorted(days.glob("*.csv"))}[kind]
    lake.import_(given, symbol="KRW-BTC", timeframe="1m")
    assert lake.read("KRW-BTC", "1m")["time"].dt.day().to_list() == [1, 1, 1, 2, 2, 2, 3, 3, 3]


def test_one_bad_file_of_many_is_named_and_none_is_taken(lake, days):
    (days / "2.csv").write_text(CSV.replace("102", "?"))
    with pytest.raises(InputError, match=r"2\.csv: row 1, column 'close': '\?' is no number"):
        lake.import_(days, symbol="KRW-BTC", timeframe="1m")
    assert not lake.root.exists()


# The layouts of programs in use, each as `lake import --dry-run` is asked about them.
PYUPBIT = (
    ",open,high,low,close,volume,value\n"
    "2024-01-01 09:00:00,100.0,104.0,99.5,102.0,10.5,1050.0\n"
    "2024-01-01 09:01:00,100.0,104.0,99.5,102.0,10.5,1050.0\n"
)
TRADINGVIEW = (
    "time,open,high,low,close,Volume,Volume MA\n"
    "2024-01-01T09:00:00+09:00,100,104,99.5,102,10.5,9\n"
    "2024-01-01T09:01:00+09:00,100,104,99.5,102,10.5,9\n"
)
ARCHIVE = (
    "date_time_utc,open,high,low,close,acc_trade_price,acc_trade_volume\n"
    "2024-01-01T00:00:00,100.00000000,104.00000000,99.50000000,102.00000000,1050.0,10.5\n"
    "2024-01-01T00:01:00,100.00000000,104.00000000,99.50000000,102.00000000,8E-7,4E-8\n"
)
LAYOUTS = {
    "KRW-BTC.csv": (PYUPBIT.encode(), ["--tz", "Asia/Seoul"]),
    "page.json": (json.dumps(PAGE).encode(), []),
    "BTC_KRW-1m.feather": (written(frame().drop("value"), ".feather"), []),
    "UPBIT_BTCKRW, 1.csv": (TRADINGVIEW.encode(), []),
    "KRW-BTC_candle-1m_20240101.zip": (
        zipped(("KRW-BTC_candle-1m_20240101.csv", ARCHIVE)),
        [],
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_look_at_the_layouts_in_use_shows_the_rows_as_they_would_be(name, tmp_path, capsys):
    content, given = LAYOUTS[name]
    (tmp_path / name).write_bytes(content)
    shared = ["--timeframe", "1m", "--lake", str(tmp_path / "lake"), "--dry-run", *given]
    assert main(["lake", "import", str(tmp_path / name), *shared]) == 0
    said = capsys.readouterr().out
    assert "KRW-BTC 1m" in said
    assert main(["lake", "import", str(tmp_path / name), *shared, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    first = told["first"][0]
    assert told["symbol"] == "KRW-BTC"
    assert first["time"].startswith("2024-01-01T00:0")
    assert [first[each] for each in ("open", "high", "low", "close")] == [100.0, 104.0, 99.5, 102.0]
    assert not (tmp_path / "lake").exists()


def test_the_command_line_takes_many_paths(tmp_path, days, capsys):
    shared = ["--symbol", "KRW-BTC", "--timeframe", "1m", "--lake", str(tmp_path / "lake")]
    assert main(["lake", "import", str(days / "1.csv"), str(days / "3.csv"), *shared]) == 0
    assert main(["lake", "import", str(days / "[2]*.csv"), *shared]) == 0
    capsys.readouterr()
    assert Lake(tmp_path / "lake").read("KRW-BTC", "1m").height == 9
