"""The judge of a soak's incidents, on small runs that are made up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.soak import Soak
from benchmarks.soak.events import Exchange, Incident
from benchmarks.soak.incidents import _late, _outages
from benchmarks.soak.judge import Told
from marketkit.timeframe import MINUTE, iso

BTC = "KRW-BTC"
START = 1_794_981_600_000  # any minute


def at(minute: float) -> int:
    return START + round(minute * MINUTE)


@pytest.fixture
def soak(tmp_path: Path) -> Soak:
    """A run of which nothing is known yet."""
    made = Soak(tmp_path, 60.0, 1, 1.0, 120.0)
    made.start, made.exchange = START + 5_000, Exchange("http://127.0.0.1:1")
    (tmp_path / "sent.tsv").write_text("")
    return made


def sent(soak: Soak, *candles: tuple[float, int]) -> None:
    """Have the witness see candles: when, and of which minute."""
    lines = []
    for moment, minute in candles:
        slot = iso(at(minute)).removesuffix("Z")
        body = {"type": "candle.1m", "code": BTC, "candle_date_time_utc": slot}
        lines.append(f"{at(moment)}\t{json.dumps(body, separators=(',', ':'))}\n")
    (soak.folder / "sent.tsv").write_text("".join(lines))


def judged(soak: Soak, words: list[tuple[int, float]], told: list[int]) -> tuple[str, bool]:
    """Judge what `live` said of minutes, volume by volume, and the corrections it told of."""
    lines = [json.dumps([BTC, at(minute), 1, 1, 1, 1, volume, 1]) for minute, volume in words]
    (soak.folder / "words.jsonl").write_text("".join(f"{line}\n" for line in lines))
    rows = [{"reason": f"a late candle of {BTC}", "start": at(minute)} for minute in told]
    ((_, _, said, fine),) = _late(soak, Told({"interruptions": {"live": rows}}, [], []))
    return said, fine


def test_a_candle_that_came_late_and_took_nothing_back_is_not_to_be_told(soak):
    sent(soak, (1.5, 1), (3.1, 3), (3.1, 1))
    said, fine = judged(soak, [(1, 2.0)], [])
    assert fine
    assert said == "1 came, 0 corrected something, 0 of them told, 0 in all"
    assert not judged(soak, [(1, 2.0)], [1])[1]


def test_a_minute_whose_only_candle_came_late_may_be_told_once(soak):
    sent(soak, (3.1, 3), (3.1, 1))
    assert [judged(soak, [(3, 9.0), (1, 2.0)], told)[1] for told in ([], [1], [1, 1])] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("words", "told", "fine"),
    [
        ([(1, 2.0), (1, 3.0)], [1], True),
        ([(1, 2.0), (1, 3.0)], [], False),
        ([(1, 2.0), (1, 3.0)], [1, 1], False),
        ([(1, 2.0), (2, 9.0), (1, 3.0), (1, 4.0)], [1, 1], True),
        ([(1, 2.0), (1, 3.0), (1, 4.0)], [1], False),
        ([(1, 2.0), (1, 2.0)], [], True),
        ([(-5, 2.0), (-5, 3.0)], [], True),
    ],
)
def test_each_time_that_numbers_were_taken_back_is_to_be_told_once(soak, words, told, fine):
    assert judged(soak, words, told)[1] is fine


def outages(
    soak: Soak, asked: list[float], told: list[float], closed: tuple[float, float] = (10, 12)
) -> tuple[str, bool]:
    """Judge a job that asked and told at some minutes, with one closure of the exchange."""
    soak.exchange.incidents = [Incident("away", at(closed[0]), at(closed[1]))]
    rows = [{"start": at(minute)} for minute in told]
    job = {"asked": [at(minute) for minute in asked], "interruptions": rows}
    _, _, said, fine = _outages(soak, Told({"jobs": [job]}, [], []))
    return said, fine


@pytest.mark.parametrize(
    ("asked", "told", "fine"),
    [
        ([5, 9.99, 13], [10.1], True),
        ([5, 9.99, 13], [], False),
        ([5, 9.99, 13], [10.1, 11], False),
        ([5, 9, 13], [], True),  # images were made meanwhile
        ([5, 9.99], [], True),  # it had no more to ask
        ([11, 13], [11.1], True),  # it began while nobody answered
    ],
)
def test_a_closure_is_to_be_told_once_by_a_job_that_asks_before_and_after(soak, asked, told, fine):
    assert outages(soak, asked, told)[1] is fine


def test_a_closure_that_the_attempts_outlast_is_not_to_be_told(soak):
    assert outages(soak, [9.99, 10.3], [], closed=(10, 10.2))[1]
