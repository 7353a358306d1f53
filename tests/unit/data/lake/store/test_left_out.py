"""Series that fail alone: the rest is answered, and a warning names them."""

from __future__ import annotations

import warnings

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store.left_out import brief, name_of, of_the_sound, say, survey
from marketkit.errors import CorruptFile, Incomplete, NewerFormat
from marketkit.timeframe import TIMEFRAMES
from marketkit.window import EVER

BROKEN = CorruptFile("x.parquet cannot be read: rot;\n`marketkit lake repair` sets it aside")


def answer(broken, asked):
    def give(names):
        asked.append(list(names))
        for name in names:
            if name in broken:
                raise NewerFormat(name) if name == "new" else CorruptFile(name)
        return "".join(names)

    return give


def test_where_all_is_sound_all_are_asked_once():
    asked = []
    assert of_the_sound(["a", "b"], answer("", asked), str.upper) == ("ab", {})
    assert asked == [["a", "b"]]


def test_those_that_fail_are_named_and_the_others_are_asked_together():
    asked = []
    found, failures = of_the_sound(["a", "b", "new", "c"], answer(["b", "new"], asked), str.upper)
    assert found == "ac"
    assert list(failures) == ["B", "NEW"]
    assert asked[-1] == ["a", "c"]


@pytest.mark.parametrize("names", [["b"], ["b", "c"]])
def test_where_all_fail_the_first_failure_is_raised(names):
    with pytest.raises(CorruptFile, match="b"):
        of_the_sound(names, answer(["b", "c"], []), str.upper)


def test_a_warning_has_two_lines_with_names_reason_and_help():
    with pytest.warns(Incomplete) as told:
        say({"KRW-ETH 1m": BROKEN, "KRW-BTC 1h": BROKEN}, anything=True)
    assert str(told[0].message).splitlines() == [
        "left out: KRW-BTC 1h, KRW-ETH 1m: x.parquet cannot be read: rot;",
        "`marketkit lake repair` sets it aside",
    ]


def test_of_many_names_some_are_given_and_the_rest_is_counted():
    with pytest.warns(Incomplete, match=r"KRW-00 1m, .* and 88 more: x\.parquet"):
        say({f"KRW-{each:02} 1m": BROKEN for each in range(100)}, anything=True)


def test_nothing_is_said_of_no_failure_and_a_failure_is_raised_where_there_is_nothing_else():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        say({}, anything=False)
    with pytest.raises(CorruptFile, match="rot"):
        say({"KRW-ETH 1m": BROKEN}, anything=False)


def test_a_failure_without_a_hint_gets_one():
    assert brief(CorruptFile("rot")) == ("rot", "`marketkit lake repair` helps")
    assert brief(BROKEN)[1] == "`marketkit lake repair` sets it aside"


def test_a_survey_of_all_widths_gives_what_is_there_and_names_what_is_not(lake, candles, january):
    for symbol in ("KRW-BTC", "KRW-ETH"):
        rows = candles([january], symbol)
        lake.append(symbol, "1m", rows, Spans([(january, january + 60_000)]))
    eth = Series("upbit", "KRW-ETH", TIMEFRAMES["1m"])
    (lake.root / eth.path("2024-01")).write_bytes(b"rot")
    found, failures = survey(lake.index, ["upbit", "nobody"])
    assert [name_of(each) for each in found] == ["KRW-BTC 1m"]
    assert list(failures) == ["KRW-ETH 1m"]


@pytest.fixture
def filled(lake, candles, january):
    for symbol in ("KRW-BTC", "KRW-ETH", "KRW-XRP"):
        covering = Spans([(january, january + 60_000)])
        lake.append(symbol, "1m", candles([january], symbol), covering)
    return lake


def read(lake):
    found = lake.select(None, "1m").from_readable(lambda sound: sound.read(EVER), named=False)
    return found["symbol"].to_list()


def chunk(lake, symbol):
    return next(lake.root.glob(f"candles/*/*/series={symbol}/2024-01.parquet"))


def test_a_series_whose_pages_rotted_and_one_without_a_footer_are_left_out(filled):
    filled.catalog()
    with chunk(filled, "KRW-ETH").open("r+b") as file:
        file.write(bytes(300))
    assert chunk(filled, "KRW-XRP").write_bytes(b"rot")
    with pytest.warns(Incomplete, match="KRW-ETH 1m, KRW-XRP 1m"):
        assert read(filled) == ["KRW-BTC"]


def test_where_none_can_be_read_the_failure_is_raised(filled):
    for path in filled.root.glob("candles/*/*/*/*.parquet"):
        path.write_bytes(b"rot")
    with pytest.raises(CorruptFile, match="KRW-BTC"):
        read(filled)


def test_a_lake_without_the_width_is_empty(filled):
    found = filled.select(None, "5m").from_readable(lambda sound: sound.read(EVER), named=False)
    assert found.is_empty()


EVERY = {
    "read": lambda lake: lake.read(None, "1m")["symbol"].to_list(),
    "scan": lambda lake: lake.scan(None, "1m").collect()["symbol"].to_list(),
    "coverage": lambda lake: lake.coverage(None, "1m")["symbol"].to_list(),
    "gaps": lambda lake: lake.gaps(None, "1m", "2024-01-01", "2024-01-02")["symbol"].to_list(),
    "catalog": lambda lake: lake.catalog()["symbol"].to_list(),
    "latest": lambda lake: lake.latest()["symbol"].to_list(),
    "map": lambda lake: lake.map(lambda rows: rows)["symbol"].to_list(),
    "export": lambda lake: lake.export(lake.root / "all.csv", None, "1m") * ["KRW-BTC"],
    "warm": lambda lake: lake.warm() * ["KRW-BTC"],
    "unsettled": lambda lake: ["KRW-BTC", *lake.unsettled()["symbol"]],
    "provenance": lambda lake: ["KRW-BTC", *lake.provenance()["symbol"]],
}


@pytest.mark.parametrize("asked", EVERY)
def test_whatever_is_asked_of_all_a_broken_series_is_left_out_with_a_warning(filled, asked):
    filled.drop("KRW-XRP", "1m")
    chunk(filled, "KRW-ETH").write_bytes(b"rot")
    with pytest.warns(Incomplete, match="left out: KRW-ETH 1m: "):
        assert set(EVERY[asked](filled)) == {"KRW-BTC"}


@pytest.mark.parametrize("asked", ["read", "scan", "coverage", "latest", "map", "export", "warm"])
def test_pages_that_rotted_are_told_by_all_that_look_at_them(filled, asked):
    filled.drop("KRW-XRP", "1m")
    filled.catalog()
    with chunk(filled, "KRW-ETH").open("r+b") as file:
        file.write(bytes(300))
    with pytest.warns(Incomplete, match="left out: KRW-ETH 1m: "):
        assert set(EVERY[asked](filled)) == {"KRW-BTC"}


def test_to_warm_a_series_whose_pages_rotted_is_an_error(filled):
    with chunk(filled, "KRW-ETH").open("r+b") as file:
        file.write(bytes(300))
    with pytest.raises(CorruptFile, match="KRW-ETH"):
        filled.warm("KRW-ETH")
    with pytest.raises(CorruptFile, match="KRW-ETH"):
        filled.warm(["KRW-BTC", "KRW-ETH"])
    assert filled.warm("KRW-BTC") == 1
