"""How many requests the adaptive life of an answer saves against fixed ones, on real candles.

Candles say how much traded in a minute, not when. The model: the trades of a minute with a candle
are `1 + Poisson(turnover / 2 million KRW)`, at moments drawn evenly within it (`even`), or drawn
around a few moments of it (`bursts`, four trades each on average, within about a second). A caller
asks for each market five times a second; an answer is stale if there was a trade between the moment
it was made and the moment it is served.

The second half of each file is played: what was chosen by trying was chosen on the first 3.6 h,
of the first half for BTC and DOGE, and nearly all of the 3.9 h that there are of OM.
Lives beyond the longest that ships are shown, and not counted in `least saved`: about half of all
answers are stale there whatever one does.
"""

from __future__ import annotations

import csv
import math
import random
from bisect import bisect_right
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from marketkit.cache.activity import MarketActivity
from marketkit.cache.ttl import RULES, Rule

MINUTE = 60_000
ASK = 200  # ms between two questions
TRADE = 2_000_000.0  # KRW
DATA = Path(__file__).resolve().parents[2] / "shared" / "realdata"
FILES = {
    "BTC": "azuremooni_krw/BTC_KRW_1m.csv",
    "DOGE": "azuremooni_krw/DOGE_KRW_1m.csv",
    "OM": "upbit_ml_krw_om/KRW-OM_1m_20250526_0918-1311_utc.csv",
}
FIXED = (200, 400, 600, 1000, 2000, 3000, 4000, 6000, 10_000, 15_000, 20_000, 30_000, 60_000)
COMPARED = (400, 1000, 2000, 4000, 10_000, 20_000, 30_000)
PRICES = tuple(200 * 0.7**n for n in range(28))
MOST = 60_000.0  # ms; the longest life of either kind
PLOT = Path(__file__).with_name("ttl.svg")
SHIPPED = RULES["ticker"]

Point = tuple[float, float]  # stale share, requests a second; means and sums over the markets


def measure(*, quick: bool) -> dict[str, Any]:
    """Compare both kinds of lives under both models, and draw the curves."""
    if not DATA.is_dir():
        return {"rows": [], "ratios": {"adaptive life": "no real candles beside the repository"}}
    rows, ratios, curves = [], {}, {}
    for model in ("even", "bursts"):
        markets = {
            name: trades(DATA / path, 0.15 if quick else 1.0, model) for name, path in FILES.items()
        }
        fixed = sorted(_point(markets, lambda life=life: _fixed(life)) for life in FIXED)
        ours = sorted(
            _point(markets, lambda price=price: adaptive(Rule(price, 1.0, 200.0, MOST)))
            for price in PRICES
        )
        shipped = _point(markets, lambda: adaptive(SHIPPED))
        curves[model] = (fixed, ours, shipped)
        saved = []
        for life in COMPARED:
            share, requests = _point(markets, lambda life=life: _fixed(life))
            needed = _at(ours, share)
            rows.append(_said(model, f"fixed {life / 1000:g} s", share, requests, needed))
            if life <= SHIPPED.most:
                saved.append(1 - needed / requests)
        rows.append(_said(model, "as shipped", shipped[0], _at(fixed, shipped[0]), shipped[1]))
        ratios[f"requests saved as shipped, {model}"] = rows[-1]["saved"]
        ratios[f"least saved of all, {model}"] = f"{min(saved):.1%}"
    PLOT.write_text(_svg(curves), encoding="utf-8")
    return {"rows": rows, "ratios": ratios}


def _said(model: str, case: str, share: float, fixed: float, ours: float) -> dict[str, Any]:
    return {
        "case": f"life of a ticker: {case}",
        "trades": model,
        "stale": f"{share:.1%}",
        "requests/s fixed": round(fixed, 3),
        "adaptive": round(ours, 3),
        "saved": f"{1 - ours / fixed:.1%}",
    }


def _point(markets, make) -> Point:
    share = requests = 0.0
    for start, end, times in markets.values():
        sent, answers, stale = serve(start, end, times, make())
        share += stale / answers / len(markets)
        requests += sent / ((end - start) / 1000)
    return share, requests


def _fixed(life: float):
    return lambda _last, _now: life


def _at(curve: list[Point], share: float) -> float:
    """Give the requests a curve needs for a stale share; between points as if mixing the two."""
    for (low, more), (high, less) in pairwise(curve):
        if low <= share <= high:
            part = (share - low) / (high - low or 1.0)
            return math.exp((1 - part) * math.log(more) + part * math.log(less))
    return math.nan


def _svg(curves) -> str:
    """Draw requests a second (logarithmic) over the stale share, a panel for each model."""
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" width="920" height="400">',
        "<style>text { font: 13px sans-serif }</style>",
        '<rect width="920" height="400" fill="white"/>',
    ]
    for panel, (model, (fixed, ours, shipped)) in enumerate(curves.items()):
        left = 60 + panel * 450
        parts += _axes(left, model)
        for curve, colour in ((fixed, "#c0392b"), (ours, "#2471a3")):
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (_xy(left, p) for p in curve))
            parts.append(
                f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
            )
        x, y = _xy(left, shipped)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="#2471a3"/>')
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _axes(left: int, model: str) -> list[str]:
    said = [
        f'<rect x="{left}" y="30" width="380" height="300" fill="none" stroke="#999"/>',
        f'<text x="{left}" y="20">trades within a minute: {model}</text>',
        f'<text x="{left + 110}" y="370">share of stale answers</text>',
        f'<text x="{left + 200}" y="55" fill="#c0392b">one life for all</text>',
        f'<text x="{left + 200}" y="75" fill="#2471a3">adaptive (dot: as shipped)</text>',
    ]
    for share in (0, 0.2, 0.4, 0.6, 0.8):
        x, _ = _xy(left, (share, 1))
        said.append(f'<text x="{x - 10:.0f}" y="347">{share:.0%}</text>')
    for requests in (0.1, 1, 10):
        _, y = _xy(left, (0, requests))
        said.append(f'<text x="{left - 32}" y="{y + 4:.0f}">{requests:g}/s</text>')
        said.append(f'<path d="M{left} {y:.0f}h380" stroke="#ddd"/>')
    return said


def _xy(left: int, point: Point) -> Point:
    share, requests = point
    return left + 380 * share / 0.9, 330 - 300 * math.log10(requests / 0.04) / math.log10(20 / 0.04)


def trades(path: Path, days: float, model: str) -> tuple[int, int, list[int]]:
    draw = random.Random(path.name + model)
    rows = _minutes(path)
    rows = rows[len(rows) // 2 :]
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
    rhythms = MarketActivity(rules={**RULES, "ticker": rule})

    def life(last, now):
        rhythms.saw("X", last, now)
        return rhythms.life("ticker", "X", now).ms

    return life
