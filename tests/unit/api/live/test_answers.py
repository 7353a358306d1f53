"""Answers for slots that no stream tells of: what the lake has after the exchange was asked."""

from __future__ import annotations

import asyncio

import pytest

from marketkit.api.live.answers import Question, Unanswered
from marketkit.coverage import Spans
from marketkit.errors import NetworkError, NotCovered, UnknownSymbol
from marketkit.timeframe import MINUTE
from tests.unit.api.live.conftest import BTC, ETH, WIDTH, Scene, at


def put(question, source):
    return asyncio.run(question.put(source, "normal", show=False))


def minutes(answer):
    return [(time - at(0)) // MINUTE for time, _ in answer.rows]


def test_an_answer_has_the_candles_and_the_slots_that_the_lake_knows_then(scene):
    found, failures = put(Question(WIDTH, {BTC: at(4)}, at(11), 0), scene.past)
    assert not failures
    assert minutes(found[BTC]) == [4, 5, 6, 7, 8, 9]
    assert found[BTC].covered == Spans([(at(4), at(10))])


def test_candles_out_of_reach_are_not_read_back_but_known(scene):
    found, _ = put(Question(WIDTH, {BTC: at(0)}, at(11), at(8)), scene.past)
    assert minutes(found[BTC]) == [8, 9]
    assert found[BTC].covered == Spans([(at(0), at(10))])


def test_symbols_that_fail_do_not_hide_the_others(lake):
    scene = Scene(lake, [BTC, ETH])
    scene.know(0, 10)
    answer = scene.past.fill

    async def fill(plan, run):
        run.failures[ETH] = NotCovered("of no use")
        await answer([walk for walk in plan if walk.symbol != ETH], run)

    scene.past.fill = fill
    found, failures = put(Question(WIDTH, {BTC: at(0), ETH: at(0)}, at(11), 0), scene.past)
    assert list(found) == [BTC]
    assert list(failures) == [ETH]


def test_symbols_that_fail_are_told_together_and_once_until_they_answer(caplog):
    unanswered, away = Unanswered(), NetworkError("away")
    for _ in range(3):
        unanswered.tell([], {BTC: away, ETH: away})
    assert [each.getMessage() for each in caplog.records] == [
        "KRW-BTC, KRW-ETH cannot be asked for: away"
    ]
    unanswered.tell([BTC], {ETH: away})
    unanswered.tell([], {BTC: away, ETH: away})
    assert caplog.records[-1].getMessage() == "KRW-BTC cannot be asked for: away"


def test_that_a_market_has_ended_is_no_warning(caplog):
    caplog.set_level("INFO")
    Unanswered().tell([], {BTC: UnknownSymbol(BTC)})
    assert [each.levelname for each in caplog.records] == ["INFO"]


def test_symbols_that_fail_wait_until_their_time_or_until_they_are_forgiven():
    unanswered = Unanswered()
    unanswered.put_off([ETH], [BTC, ETH], 10.0)
    assert [unanswered.waits(name, 9.9) for name in (BTC, ETH)] == [False, True]
    assert not unanswered.waits(ETH, 10.0)
    unanswered.put_off([BTC], [BTC], 20.0)
    assert unanswered.waits(ETH, 9.9)
    unanswered.put_off([], [ETH], 20.0)
    assert not unanswered.waits(ETH, 9.9)
    assert unanswered.waits(BTC, 19.9)
    unanswered.forgive()
    assert not unanswered.waits(BTC, 19.9)


def test_only_a_failure_of_all_symbols_is_refused():
    failure = NetworkError("away")
    Unanswered().refuse({BTC: failure}, [BTC, ETH])
    with pytest.raises(NetworkError, match="away"):
        Unanswered().refuse({BTC: failure, ETH: failure}, [BTC, ETH])
