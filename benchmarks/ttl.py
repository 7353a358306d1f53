"""How many requests the adaptive life of an answer saves against fixed ones, on real candles.

Candles say how much traded in a minute, not when. The model: the trades of a minute with a candle
are `1 + Poisson(turnover / 2 million KRW)`, at moments drawn evenly within it (`even`), or drawn
around a few moments of it (`bursts`, four trades each on average, within about a second). A caller
asks for each market five times a second; an answer is stale if there was a trade between the moment
it was made and the moment it is served.
"""

from __future__ import annotations

import csv
import math
import random
from bisect import bisect_right
from datetime import UTC, datetime
from pathlib import Path

from marketkit.cache.rhythm import Rhythms
from marketkit.cache.ttl import RULES, Rule

MINUTE = 60_000
ASK = 200  # ms between two questions
TRADE = 2_000_000.0  # KRW
SHARED = Path(__file__).resolve().parents[2] / "shared" / "realdata"


def trades(path: Path, days: float, model: str) -> tuple[int, int, list[int]]:
    draw = random.Random(path.name + model)
    rows = _minutes(path)
    start = rows[0][0]
    end = min(rows[-1][0] + MINUTE, start + int(days * 86_400_000))
    times = []
    for minute, turnover in rows:
        if minute < end:
            times += _within(minute, turnover, model, draw)
    return start, end, sorted(times)


def _minutes(path):
    with path.open(encoding="utf-8") as file:
        found = []
        for row in csv.DictReader(file):
            if "timestamp" in row and "open" in row:
                at = datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC)
                found.append(
                    (int(at.timestamp() * 1000), float(row["volume"]) * float(row["close"]))
                )
            else:
                at = datetime.fromisoformat(row["candle_date_time_utc"]).replace(tzinfo=UTC)
                found.append((int(at.timestamp() * 1000), float(row["candle_acc_trade_price"])))
        return sorted(found)


def _within(minute, turnover, model, draw):
    count = 1 + _poisson(turnover / TRADE, draw)
    if model == "even":
        return [minute + int(draw.random() * MINUTE) for _ in range(count)]
    centres = [draw.random() * MINUTE for _ in range(-(-count // 4))]
    return [
        min(minute + int(draw.choice(centres) + draw.expovariate(1 / 500)), minute + MINUTE - 1)
        for _ in range(count)
    ]


def _poisson(mean, draw):
    if mean > 50:
        return max(0, round(draw.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), draw.random(), 0
    while product > limit:
        product *= draw.random()
        count += 1
    return count


def serve(start, end, times, life) -> tuple[int, int, int]:
    """Give requests, answers and stale answers; life(last trade, now) decides."""
    requests = stale = 0
    now = start
    while now < end:
        requests += 1
        at = bisect_right(times, now)
        last = times[at - 1] if at else start - MINUTE
        until = now + max(ASK, -(-int(life(last, now)) // ASK) * ASK)
        until = min(until, end)
        if at < len(times) and times[at] < until:
            first = -(-(times[at] - now) // ASK) * ASK + now  # the first answer after that trade
            stale += max(0, (until - first + ASK - 1) // ASK)
        now = until
    return requests, (end - start) // ASK, stale


def adaptive(rule: Rule):
    rhythms = Rhythms(rules={**RULES, "ticker": rule})

    def life(last, now):
        rhythms.saw("X", last, now)
        return rhythms.life("ticker", "X", now).ms

    return life
