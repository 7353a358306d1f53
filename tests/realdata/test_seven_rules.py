"""Seven rules over real minutes of KRW-BTC and KRW-DOGE: backtest and replay say the same.

The replay is of a recording that is made of the real minutes, with the faults of a real one: links
that broke, some for minutes, candles whose last change came late, messages that came twice.
"""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.coverage import Span, Spans
from marketkit.data.lake import Lake
from marketkit.examples import seven_rules
from marketkit.examples.rules import RULES
from marketkit.examples.seven_rules import Parameters, Strategy
from marketkit.recording import files, journal
from marketkit.recording.journal import Note
from marketkit.recording.layout import hour_of
from marketkit.recording.rows import Heard, to_frame
from marketkit.recording.tape import make_candle
from marketkit.schema import NUMBERS, ROW, TIME
from marketkit.timeframe import HOUR, MINUTE, parse_time

NOBODY = "http://127.0.0.1:9"
SYMBOLS = ["KRW-BTC", "KRW-DOGE"]
CHANNEL = "candle.1m"
BEGIN, END = parse_time("2025-09-01"), parse_time("2025-10-04T01:00")
TAPE = Span(parse_time("2025-09-11"), parse_time("2025-09-14"))  # DOGE fell on the 11th, 12:30
# In a calm month: moves that KRW-BTC makes every day instead of every year.
KEEN = Parameters(crash=0.0035, surge=0.004, profits=((0.004, 0.5), (0.01, 1.0)))


def minutes_of(shared: Path, symbol: str) -> pl.DataFrame:
    """Real minutes; the archive has no turnover, so that is made up."""
    path = shared / "realdata" / "azuremooni_krw" / f"{symbol.removeprefix('KRW-')}_KRW_1m.csv"
    rows = pl.read_csv(path).with_columns(
        symbol=pl.lit(symbol),
        time=pl.col("timestamp").str.to_datetime().dt.replace_time_zone("UTC").cast(TIME),
        value=pl.col("close") * pl.col("volume"),
    )
    time = pl.col("time").cast(pl.Int64)
    return rows.filter(time >= BEGIN, time < END).select(*ROW)


@pytest.fixture(scope="module")
def minutes(shared) -> pl.DataFrame:
    return pl.concat([minutes_of(shared, symbol) for symbol in SYMBOLS])


def make_lake(root: Path, minutes: pl.DataFrame, *, without: Spans | None = None) -> Lake:
    """A lake of real minutes that claims their whole range, but for some slots nobody asked for."""
    lake, known = Lake(root), Spans([(BEGIN, END)]) - (without or Spans())
    for symbol in SYMBOLS:
        rows = minutes.filter(symbol=symbol)
        inside = pl.any_horizontal(
            pl.col("time").cast(pl.Int64).is_between(a, b - 1) for a, b in known
        )
        lake.append(symbol, "1m", rows.filter(inside), known)
    return lake


@pytest.fixture(scope="module")
def lake(minutes, tmp_path_factory) -> Lake:
    return make_lake(tmp_path_factory.mktemp("lake"), minutes)


@pytest.fixture(scope="module")
def backtest(lake) -> pl.DataFrame:
    """The signals of a frozen set."""
    lake.freeze("rules")
    with SmartDataProvider(endpoint=NOBODY, lake=lake.root) as provider:
        candles = provider.get_candle(
            SYMBOLS, "1m", start="2025-09-01", end="2025-10-04T01:00", as_of="rules"
        )
    return seven_rules.run(candles, KEEN)


class Tape:
    """A recording of real minutes, and what went wrong with it."""

    def __init__(self, root: Path, minutes: pl.DataFrame, seed: int = 1) -> None:
        self.root, self._draw = root, random.Random(seed)
        self._notes = [Note("began", TAPE.start, streams={CHANNEL: SYMBOLS})]
        self._broken: list[Span] = []
        self.late = 0
        self._minutes = minutes

    def breaks(self, at: str, minutes: float) -> None:
        """Lose the link for a time; it is noticed half a minute before messages come again."""
        start = parse_time(at)
        end = start + int(minutes * MINUTE)
        noticed = max(start, end - MINUTE // 2)
        self._broken.append(Span(start, end))
        self._notes += [Note("interrupted", noticed, start, "the link broke"), Note("resumed", end)]

    def write(self, late: float) -> None:
        """Write the recording; of so many minutes the last change comes after the next began."""
        heard = [each for row in self._rows() for each in self._said(row, late)]
        # After a reconnect the newest candle comes again, whole, as a snapshot.
        told = sorted(self._kept(heard), key=lambda each: each.received)
        by_hour: dict[int, list[Heard]] = {}
        for each in told:
            by_hour.setdefault(each.received // HOUR, []).append(each)
        for own in by_hour.values():
            hour = hour_of(CHANNEL, own[0].received)
            files.write_part(self.root, hour, 1, to_frame(CHANNEL, own))
        notes = sorted([*self._notes, Note("ended", TAPE.end)], key=lambda note: note.at)
        journal.write(self.root, notes)

    def _rows(self):
        time = pl.col("time").cast(pl.Int64)
        rows = self._minutes.filter(time >= TAPE.start, time < TAPE.end)
        return rows.with_columns(time).iter_rows(named=True)

    def _said(self, row, late: float):
        """Messages of one minute: forming, and with its last numbers in time or late."""
        first = {
            **row,
            "volume": row["volume"] / 2,
            "value": row["value"] / 2,
            "close": row["open"],
        }
        yield self._heard(first, row["time"] + 20_000)
        is_late = self._draw.random() < late
        self.late += is_late
        yield self._heard(row, row["time"] + (MINUTE + 40_000 if is_late else 55_000))
        if self._draw.random() < 0.01:
            yield self._heard(row, row["time"] + MINUTE + 45_000)

    def _heard(self, row, sent: int) -> Heard:
        numbers = [row[name] for name in NUMBERS]
        return Heard(sent + 60, make_candle(CHANNEL, row["symbol"], row["time"], numbers, sent))

    def _kept(self, heard: list[Heard]):
        """Give what is not lost, and snapshots where the link came back."""
        for each in heard:
            if not any(start <= each.received < end for start, end in self._broken):
                yield each
        for _, end in self._broken:
            for symbol in SYMBOLS:
                before = [
                    one for one in heard if one.message.symbol == symbol and one.received < end
                ]
                last = max(before, key=lambda one: one.message.time)
                yield Heard(
                    end, type(last.message)(**{**_fields(last.message), "stream": "SNAPSHOT"})
                )


def _fields(message) -> dict[str, object]:
    return {name: getattr(message, name) for name in message.__struct_fields__}


def replayed(lake: Lake, tape: Path | Lake, **span) -> tuple[pl.DataFrame, pl.DataFrame, Strategy]:
    """Follow a replay to its end; give the news, the interruptions and the strategy."""
    strategy = Strategy(KEEN)
    with (
        SmartDataProvider(endpoint=NOBODY, lake=lake.root) as provider,
        provider.live(SYMBOLS, "1m", history="10d", replay=tape, speed=0, **span) as live,
    ):
        news = list(seven_rules.follow(live, strategy))
        return pl.concat(news), live.interruptions, strategy


def until(signals: pl.DataFrame, end: int) -> pl.DataFrame:
    return signals.filter(pl.col("time").cast(pl.Int64) < end)


def test_all_seven_rules_speak_and_a_frozen_set_says_what_the_files_say(backtest, minutes):
    assert set(backtest["rule"]) == set(RULES)
    rules = backtest.group_by("symbol").agg(pl.col("rule").n_unique(), signals=pl.len())
    assert rules.select(pl.col("rule").min(), pl.col("signals").min()).row(0) > (5, 100)
    within = pl.col("time").cast(pl.Int64).is_between(*TAPE, closed="left")
    assert backtest.filter(within)["rule"].n_unique() > 4
    assert backtest.filter(within).height > 20
    alone = [seven_rules.run(minutes.filter(symbol=symbol), KEEN) for symbol in SYMBOLS]
    assert backtest.equals(pl.concat(alone))


def test_a_lake_played_again_gives_the_signals_of_the_backtest(lake, backtest):
    _, _, strategy = replayed(lake, lake, start="2025-09-11", end="2025-09-16")
    assert strategy.signals.equals(until(backtest, parse_time("2025-09-16")))


def test_a_recording_without_a_fault_gives_the_signals_of_the_backtest(
    lake, minutes, backtest, tmp_path
):
    Tape(tmp_path, minutes).write(late=0)
    news, interruptions, strategy = replayed(lake, tmp_path)
    assert interruptions.is_empty()
    assert not news["withdrawn"].any()
    assert until(strategy.signals, TAPE.end - 5 * MINUTE).equals(
        until(backtest, TAPE.end - 5 * MINUTE)
    )


def test_with_a_gap_reconnects_and_late_candles_the_signals_are_those_of_the_backtest(
    lake, minutes, backtest, tmp_path
):
    tape = Tape(tmp_path, minutes)
    tape.breaks("2025-09-11T06:00:10", 0.1)  # a reconnect within a minute
    tape.breaks("2025-09-12T03:00:40", 7)  # minutes that nobody heard
    tape.breaks("2025-09-11T12:00", 90)  # through DOGE's crash
    tape.write(late=0.05)
    assert tape.late > 300
    _, interruptions, strategy = replayed(lake, tmp_path)
    reasons = interruptions["reason"]
    assert reasons.str.contains("link broke").sum() == 3
    # Those before the first break: afterwards the tape runs ahead of the answers about the break.
    assert reasons.str.contains("late candle").sum() > 20
    assert interruptions["closed"].null_count() == 0
    end = TAPE.end - 5 * MINUTE
    assert until(strategy.signals, end).equals(until(backtest, end))


def test_before_a_gap_that_nobody_can_fill_the_signals_stop_and_afterwards_they_are_all_there(
    minutes, backtest, tmp_path
):
    gap = Span(parse_time("2025-09-12T03:00"), parse_time("2025-09-12T03:20"))
    lake = make_lake(tmp_path / "lake", minutes, without=Spans([gap]))
    tape = Tape(tmp_path / "tape", minutes)
    tape.breaks("2025-09-12T03:05:40", 7)
    tape.write(late=0.01)
    _, _, strategy = replayed(lake, tmp_path / "tape")
    assert strategy.signals.equals(until(backtest, gap.start + 5 * MINUTE))
    whole = make_lake(tmp_path / "whole", minutes)
    _, _, strategy = replayed(whole, tmp_path / "tape")
    end = TAPE.end - 5 * MINUTE
    assert until(strategy.signals, end).equals(until(backtest, end))


def test_after_hours_without_a_candle_the_rules_warm_up_again(minutes):
    """As after maintenance: nothing is bought for `warm_up` candles, what is held stays held."""
    away = Span(parse_time("2025-09-22T05:00"), parse_time("2025-09-22T10:00"))
    time = pl.col("time").cast(pl.Int64)
    rest = minutes.filter((time < away.start) | (time >= away.end))
    signals = seven_rules.run(rest, KEEN)
    after = signals.filter(time >= away.end, pl.col("rule") == "oversold_entry")
    assert after["time"].cast(pl.Int64).min() >= away.end + KEEN.warm_up * MINUTE
    assert until(signals, away.start).equals(until(seven_rules.run(minutes, KEEN), away.start))
    # Whether there was a month of history before or a few days is no matter by then.
    young = seven_rules.run(rest.filter(time >= away.end), KEEN)
    both = young.join(signals, on=["symbol", "time", "rule"])
    assert both.height > 10
    assert (both["rsi"] - both["rsi_right"]).abs().max() < 1e-6
