"""Decimals of a lake are the text that the exchange wrote, wherever its float has it."""

from __future__ import annotations

import json
import random
from decimal import Decimal

import polars as pl
import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.cli.main import main
from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.errors import InputError
from marketkit.exchange.upbit import bodies
from marketkit.sandbox import Sandbox
from marketkit.schema import CANDLE, NUMBERS, ROW, TIME, exact
from marketkit.timeframe import MINUTE, TIMEFRAMES, parse_time

START = parse_time("2025-09-01")
NOWHERE = "http://127.0.0.1:9"
RANGE = {"start": "2025-09-01", "end": "2025-09-02"}


def texts(count: int) -> list[dict[str, str]]:
    """Write the numbers of minutes as the exchange does: turnovers of 9 or 10 digits and 5 more."""
    chance, found = random.Random(13), []
    for _ in range(count):
        volume = f"{chance.randint(1, 40_00000000) / 1e8:.8f}"
        price = f"{chance.randrange(150_000_000, 170_000_000, 1000)}.0"
        value = f"{chance.randint(60_000_000_00000, 6_400_000_000_00000)}"
        said = dict.fromkeys(("open", "high", "low", "close"), price)
        found.append({**said, "volume": volume, "value": f"{value[:-5]}.{value[-5:]}"})
    return found


def keep(root, said, symbol="KRW-BTC") -> Lake:
    """Keep the floats of such texts as a day of minutes, of which every tenth did not trade."""
    slots = [slot for slot in range(1440) if slot % 10][: len(said)]
    rows = pl.DataFrame(
        {
            "symbol": symbol,
            "time": [START + slot * MINUTE for slot in slots],
            **{name: [float(each[name]) for each in said] for name in NUMBERS},
        }
    ).with_columns(pl.col("time").cast(TIME))
    lake = Lake(root)
    lake.append(symbol, "1m", rows.select(*ROW), Spans([(START, START + 1440 * MINUTE)]))
    return lake


@pytest.fixture(scope="module")
def said():
    return texts(1296)


@pytest.fixture
def lake(tmp_path, said):
    return keep(tmp_path / "lake", said)


@pytest.fixture
def provider(lake):
    with SmartDataProvider(endpoint=NOWHERE, lake=lake.root, offline=True) as one:
        yield one


def of(frame, said) -> int:
    """Count the numbers that are not, as decimals, what was written."""
    pairs = (
        (number, Decimal(each[name]))
        for name in NUMBERS
        for number, each in zip(frame[name], said, strict=True)
    )
    return sum(number != text for number, text in pairs)


def test_every_call_of_a_lake_gives_the_text_of_the_wire(lake, provider, said):
    everything = {
        "read": lake.read("KRW-BTC", "1m", precision="decimal"),
        "scan": lake.scan("KRW-BTC", "1m", precision="decimal").collect(),
        "latest": lake.latest("KRW-BTC", "1m", 2000, precision="decimal"),
        "renamed": lake.read("KRW-BTC", "1m", rename={}, precision="decimal"),
        "lake": provider.get_candle("KRW-BTC", "1m", source="lake", precision="decimal", **RANGE),
        "several": provider.get_candle(
            ["KRW-BTC"], "1m", source="lake", precision="decimal", **RANGE
        ),
    }
    lake.freeze("then")
    everything["frozen"] = provider.get_candle("KRW-BTC", "1m", as_of="then", precision="decimal")
    assert {name: of(frame, said) for name, frame in everything.items()} == dict.fromkeys(
        everything, 0
    )
    assert dict(everything["read"].schema) == dict(exact(ROW))
    assert dict(everything["lake"].schema) == dict(exact(CANDLE))
    rounded = lake.read("KRW-BTC", "1m").cast(pl.Schema(exact(ROW)))
    assert of(rounded, said) > 100  # these texts tell one way from the other


def test_filled_slots_repeat_the_close_digit_for_digit(lake, provider, said):
    asked = {"fill": "forward", "source": "lake", "precision": "decimal", **RANGE}
    first = "2025-09-01T00:10"  # a slot without trades: its price is that of the one before
    for frame in (
        provider.get_candle("KRW-BTC", "1m", **{**asked, "start": first}),
        lake.scan(
            "KRW-BTC", "1m", first, RANGE["end"], fill="forward", precision="decimal"
        ).collect(),
    ):
        empty = frame.row(0, named=True)
        assert (empty["state"], empty["close"]) == ("empty", Decimal(said[8]["close"]))
        assert of(frame.filter(state="closed"), said[9:]) == 0
    filled = provider.get_candle("KRW-BTC", "1m", **{**asked, "fill": "null"})
    assert filled.filter(state="empty")["close"].null_count() == 144


@pytest.mark.parametrize(
    ("width", "hours", "more"),
    [("1h", (0, 9), {}), ("4h", (3, 23), {"session": "00:00 Asia/Seoul"}), ("1d", (0, 24), {})],
)
def test_what_is_made_of_narrower_candles_is_their_exact_sum(provider, said, width, hours, more):
    edges = {name: START + hour * 60 * MINUTE for name, hour in zip(RANGE, hours, strict=True)}
    asked = {
        name: f"{pl.Series([edge]).cast(TIME)[0]:%Y-%m-%dT%H:%M}" for name, edge in edges.items()
    }
    frame = provider.get_candle(
        "KRW-BTC", width, **asked, **more, source="lake", precision="decimal", fill="forward"
    )
    parts = said[hours[0] * 54 : hours[1] * 54]  # 54 minutes of each hour traded
    for name in ("volume", "value"):
        assert frame[name].sum() == sum(Decimal(each[name]) for each in parts)


def test_ended_and_renamed_markets_have_the_same_digits(tmp_path, said):
    lake = keep(tmp_path / "lake", said, "KRW-OLD")
    joined = lake.scan("KRW-NEW", "1m", rename={"KRW-OLD": "KRW-NEW"}, precision="decimal")
    assert of(joined.collect(), said) == 0
    with SmartDataProvider(endpoint=NOWHERE, lake=lake.root, offline=True) as provider:
        asked = {"rename": {"KRW-OLD": "KRW-NEW"}, "source": "lake", "precision": "decimal"}
        assert of(provider.get_candle("KRW-NEW", "1m", **RANGE, **asked), said) == 0


def test_after_a_fetch_the_lake_gives_what_the_exchange_wrote(tmp_path):
    fast = dict.fromkeys(("market", "candles"), (10, 0.02))
    exchange = Sandbox(seed=1, now="2026-11-20T00:00:30Z", speed=0, limit=(10, 0.02))
    asked = {"start": "2026-11-18", "end": "2026-11-18T06:00", "precision": "decimal"}
    with (
        exchange as sandbox,
        SmartDataProvider(
            endpoint=sandbox.endpoint, lake=tmp_path / "lake", limits=fast
        ) as provider,
    ):
        wire = provider.get_candle("KRW-BTC", "1m", source="exchange", **asked)
        fits = (
            pl.col(name).cast(pl.Float64).cast(pl.String).str.len_chars() < 17 for name in NUMBERS
        )
        short = wire.filter(pl.all_horizontal(fits))
        assert short.height > 10
        first = provider.get_candle("KRW-BTC", "1m", **asked)
        again = provider.get_candle("KRW-BTC", "1m", source="lake", **asked)
        chunks = list(provider.iter_candle("KRW-BTC", "1m", **asked, rows=100, show=False))
        for frame in (first, again, pl.concat(chunks)):
            assert frame.join(short, on="time", how="semi").equals(short)
        young = provider.get_candle("KRW-BTC", "1m", count=5, forming=True, precision="decimal")
        assert dict(young.schema) == dict(exact(CANDLE))
        assert young["state"][-1] == "forming"


def test_the_command_line_writes_them(lake, said, capsys):
    words = ["candles", "KRW-BTC", "--source", "lake", "--precision", "decimal", "--json"]
    where = ["--start", RANGE["start"], "--end", "2025-09-01T00:20"]
    assert main([*words, *where, "--lake", str(lake.root), "--endpoint", NOWHERE]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [Decimal(each["value"]) for each in found] == [
        Decimal(each["value"]) for each in said[:18]
    ]


def test_a_candle_that_nobody_proved_has_them_too(tmp_path, said):
    path = tmp_path / "download.csv"
    names = ["open", "high", "low", "close", "volume", "value"]
    told = [f"2025-09-01T00:0{n}:00Z,{','.join(said[n][name] for name in names)}" for n in (0, 1)]
    path.write_text("\n".join([f"time,{','.join(names)}", *told]) + "\n")
    lake = Lake(tmp_path / "lake")
    lake.import_(path, symbol="KRW-BTC", timeframe="1m")
    assert lake.unsettled("KRW-BTC").height == 1
    assert of(lake.read("KRW-BTC", "1m", precision="decimal"), said[:2]) == 0
    assert of(lake.latest("KRW-BTC", "1m", precision="decimal"), said[:2]) == 0
    with SmartDataProvider(endpoint=NOWHERE, lake=lake.root, offline=True) as provider:
        asked = {"source": "lake", "forming": True, "precision": "decimal"}
        assert of(provider.get_candle("KRW-BTC", "1m", **asked), said[:2]) == 0


def test_numbers_without_room_and_words_that_are_none_are_refused(tmp_path, said):
    lake = keep(tmp_path / "lake", [{**said[0], "value": "1e31"}])
    with pytest.raises(InputError, match=r"1e\+31 is too large for precision='decimal'"):
        lake.read("KRW-BTC", "1m", precision="decimal")
    for call in (lake.read, lake.scan, lake.latest):
        with pytest.raises(InputError, match="precision='exact'"):
            call("KRW-BTC", "1m", precision="exact")


def test_recorded_answers_come_back_digit_for_digit(shared, tmp_path):
    folder, met = shared / "realdata" / "smtm_krw_btc_2020", 0
    for path in sorted(folder.glob("upbit_1m_*.json")):
        body = path.read_bytes()
        lake, floats = Lake(tmp_path / path.stem), bodies.decode_candles(body, "KRW-BTC")
        times = floats["time"].cast(pl.Int64)
        lake.append("KRW-BTC", "1m", floats, Spans((time, time + MINUTE) for time in times))
        wire = bodies.decode_candles(body, "KRW-BTC", exact=True)
        assert lake.read("KRW-BTC", "1m", precision="decimal").equals(wire)
        met += wire.height
    assert met == 240


def test_a_real_week_of_minutes_comes_back_digit_for_digit(shared, tmp_path):
    names = {
        "value": "candleAccTradePrice",
        "volume": "candleAccTradeVolume",
        "close": "tradePrice",
    }
    path = shared / "realdata" / "gyusu_krw_btc_2018" / "run180129_BTC.csv"
    wire = pl.read_csv(path, infer_schema=False).unique("candleDateTime").sort("candleDateTime")
    said = [
        {**dict.fromkeys(NUMBERS, row[names["close"]]), **{n: row[c] for n, c in names.items()}}
        for row in wire.head(1296).iter_rows(named=True)
    ]
    assert of(keep(tmp_path / "lake", said).read("KRW-BTC", "1m", precision="decimal"), said) == 0


WIDTHS = {
    "seconds": "1s", "minutes": "1m", "days": "1d", "weeks": "1w", "months": "1M", "years": "1y",
}  # fmt: skip


@pytest.mark.parametrize("width", WIDTHS)
def test_recorded_candles_of_each_width_come_back_digit_for_digit(shared, tmp_path, width):
    """Turnovers of years have 16 digits: the exchange counts in floats itself."""
    told = (shared / f"fixtures/upbeat_rest_2026-03-11/get_candles_{width}.json").read_text("utf-8")
    start = told.index("[", told.index('"body":'))
    _, end = json.JSONDecoder().raw_decode(told, start)
    body, timeframe = told[start:end].encode(), TIMEFRAMES[WIDTHS[width]]
    rows = bodies.decode_candles(body, "KRW-BTC")
    time = int(rows["time"].dt.epoch("ms")[0])
    lake = Lake(tmp_path / "lake")
    lake.append("KRW-BTC", timeframe, rows, Spans([(time, timeframe.next(time))]))
    wire = bodies.decode_candles(body, "KRW-BTC", exact=True)
    assert lake.read("KRW-BTC", timeframe, precision="decimal").equals(wire)
