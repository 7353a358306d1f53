"""A file says what a lake should hold; a slip in it is named before anything is sent."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.jobs.config import UniverseConfig, chores, members, moment, read_config
from marketkit.data.lake import Lake
from marketkit.errors import InputError
from marketkit.schema import MARKET, ROW, empty
from marketkit.timeframe import parse_time

NOW = parse_time("2026-11-20T12:34:56")
GOOD = """
lake = "somewhere"
patience = "6h"
max_time = "50m"
[[universe]]
symbols = ["KRW-*"]
quote = "KRW"
exclude = ["KRW-D*"]
warning = false
depth = { 1m = "2y", 1d = "listing", 1h = 2024-01-01 }
"""


@pytest.fixture
def markets():
    names = ["BTC-ETH", "KRW-BTC", "KRW-DOGE", "KRW-ETH", "KRW-RISKY"]
    told = {
        "symbol": names,
        "quote": [name[:3] for name in names],
        "warning": [None, False, False, None, True],
    }
    nothing = pl.DataFrame(schema=dict(MARKET))
    return pl.concat([nothing, pl.DataFrame(told)], how="diagonal_relaxed")


def written(tmp_path, text):
    path = tmp_path / "backfill.toml"
    path.write_text(text)
    return path


def test_a_file_is_read_and_its_chores_follow(tmp_path, markets):
    config = read_config(written(tmp_path, GOOD))
    assert (config.lake, config.patience, config.max_time) == (
        str(tmp_path / "somewhere"),
        "6h",
        "50m",
    )
    found = chores(config, markets, Lake(tmp_path), NOW)
    assert {chore.symbols for chore in found} == {("KRW-BTC", "KRW-ETH")}
    assert {chore.timeframe: chore.start for chore in found} == {
        "1m": parse_time("2024-11-20"),
        "1d": parse_time("2017-01-01"),
        "1h": parse_time("2024-01-01"),
    }


def test_the_same_day_gives_the_same_chores(tmp_path, markets):
    config = read_config(written(tmp_path, GOOD))
    lake = Lake(tmp_path)
    assert chores(config, markets, lake, NOW) == chores(config, markets, lake, NOW + 3_600_000)


def test_an_update_begins_where_the_lake_ends(tmp_path, markets):
    lake = Lake(tmp_path / "lake")
    end = parse_time("2026-11-19T15:00")
    lake.append("KRW-BTC", "1m", empty(ROW), Spans([(end - 3_600_000, end)]))
    text = '[[universe]]\nsymbols = ["KRW-BTC", "KRW-ETH"]\nupdate = true\ndepth = { 1m = "90d" }'
    found = chores(read_config(written(tmp_path, text)), markets, lake, NOW)
    assert {chore.symbols: chore.start for chore in found} == {
        ("KRW-BTC",): parse_time("2026-11-19"),
        ("KRW-ETH",): parse_time("2026-08-22"),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"no \[\[universe\]\]"),
        ("[[universe]]\n", "without depth"),
        ("pacience = '1h'\n" + GOOD, "unknown key 'pacience'; did you mean 'patience'"),
        ("[[universe]]\nexcluded = []\ndepth = {}", "'excluded'; did you mean 'exclude'"),
        ("[[universe]]\ndepth = {}", "depth is a table"),
        ('[[universe]]\ndepth = { 1x = "2y" }', "unknown timeframe '1x'"),
        ('[[universe]]\ndepth = { 1m = "2 years" }', "not a length of time: '2 years'"),
        ('order = "random"\n' + GOOD, "order"),
        ('rescue = "yes"\n' + GOOD, 'rescue = "yes" is neither true nor false'),
        (GOOD.replace('"somewhere"', "5"), "lake = 5 is no text"),
        ('region = ["kr"]\n' + GOOD, "region = .* is no text"),
        ('endpoint = "a\\u0000b"\n' + GOOD, "endpoint = .* is no text"),
        (GOOD + "update = 1", "update = 1 is neither true nor false"),
        (GOOD.replace('"KRW"', "7"), "quote = 7 is no text"),
        (GOOD.replace('["KRW-*"]', "7"), "symbols = 7 is no list"),
        (GOOD.replace('["KRW-D*"]', '["KRW-D*", 7]'), "exclude = .* is no list of texts"),
        (GOOD.replace('"2y"', "7"), "7"),
        ('universe = ["KRW-BTC", 5]', "is no table"),
        ("a = " + "[" * 100_000, "backfill.toml"),
        ("this is no TOML", "backfill.toml"),
    ],
)
def test_a_slip_in_a_file_is_named(tmp_path, text, said):
    with pytest.raises(InputError, match=said):
        read_config(written(tmp_path, text))


def test_a_depth_of_more_years_than_there_were_begins_with_1970(tmp_path, markets):
    config = read_config(written(tmp_path, GOOD.replace('"2y"', '"9999y"')))
    starts = {each.timeframe: each.start for each in chores(config, markets, Lake(tmp_path), NOW)}
    assert moment(starts["1m"]).year == 1970


def test_a_single_text_stands_for_the_list_of_it(tmp_path):
    text = '[[universe]]\nsymbols = "KRW-BTC"\nexclude = "KRW-D*"\ndepth = { 1m = "1000h" }'
    (universe,) = read_config(written(tmp_path, text)).universe
    assert (universe.symbols, universe.exclude) == (["KRW-BTC"], ["KRW-D*"])


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.toml"):
        read_config(tmp_path / "nowhere.toml")


def test_a_code_that_is_not_listed_stays_and_is_reported_by_its_backfill(markets):
    named = UniverseConfig({"1m": "1d"}, symbols=("KRW-BTC", "KRW-OLD", "BTC-OLD"), quote="krw")
    assert members(named, markets) == ["BTC-OLD", "KRW-BTC", "KRW-OLD"]
    without = UniverseConfig({"1m": "1d"}, symbols=("KRW-BTC", "KRW-OLD"), exclude=("KRW-O*",))
    assert members(without, markets) == ["KRW-BTC"]


RESCUE = """
rescue = true
[[universe]]
symbols = ["KRW-*"]
warning = false
update = true
depth = { 1m = "2y", 1d = "listing" }
[[universe]]
symbols = ["KRW-BTC"]
depth = { 1h = "90d" }
[[universe]]
symbols = ["KRW-R*"]
depth = { 1d = "90d" }
"""


def test_all_history_of_markets_that_are_announced_to_end_comes_first(tmp_path, markets):
    found = chores(read_config(written(tmp_path, RESCUE)), markets, Lake(tmp_path), NOW)
    first = [(chore.symbols, chore.timeframe, chore.start) for chore in found[:2]]
    beginning = parse_time("2017-01-01")
    assert first == [(("KRW-RISKY",), "1m", beginning), (("KRW-RISKY",), "1d", beginning)]
    assert all("KRW-RISKY" not in chore.symbols for chore in found[2:-1])
    plain = read_config(written(tmp_path, RESCUE.replace("true", "false", 1)))
    assert chores(plain, markets, Lake(tmp_path), NOW) == found[2:]


def test_a_universe_without_a_market_is_an_error(markets):
    assert members(UniverseConfig({"1m": "1d"}), markets) == sorted(markets["symbol"])
    with pytest.raises(InputError, match="no market is in the universe"):
        members(UniverseConfig({"1m": "1d"}, symbols=("KRW-X*",)), markets)
    with pytest.raises(
        InputError, match=r'of \* with quote = "KWR" \(one of BTC KRW\) without A\*'
    ):
        members(UniverseConfig({"1m": "1d"}, quote="KWR", exclude=("A*",)), markets)
