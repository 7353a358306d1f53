"""What a bad market costs the others: calls beside rows given, requests sent and warnings.

Each cell is a new sandbox and a new provider that has fetched the market list. Then a market ends,
or one of its rows has no price, or URLs are cut to four thousand characters no more, so that the
exchange refuses them with 414. Counts only: no figure here depends on the machine.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks._sandbox import scratch
from marketkit.api.sync import SmartDataProvider
from marketkit.exchange.upbit import rest
from marketkit.sandbox import Sandbox

NOW = "2026-11-20T00:00:30Z"
LIMIT = (10, 0.02)
LIMITS = dict.fromkeys(("market", "candles", "crix-trades", "ticker", "orderbook"), LIMIT)
BAD = "KRW-ETH"
DAY = {"start": "2026-11-18", "end": "2026-11-19"}
LONG = 20_000  # characters: far more than the 8,192 of the exchange

Call = Callable[[SmartDataProvider, list[str]], Any]
CALLS: dict[str, Call] = {
    'get_ticker("KRW-*")': lambda one, _: one.get_ticker("KRW-*", on_error="skip"),
    'get_ticker("*")': lambda one, _: one.get_ticker("*", on_error="skip"),
    "get_ticker(every third code)": lambda one, names: one.get_ticker(names[::3], on_error="skip"),
    'get_orderbook("KRW-*", depth=1)': lambda one, _: one.get_orderbook(
        "KRW-*", depth=1, on_error="skip"
    ),
    'get_orderbook("*", depth=1)': lambda one, _: one.get_orderbook("*", depth=1, on_error="skip"),
    "get_market(instruments=True)": lambda one, _: one.get_market(instruments=True),
    "get_trade(20 codes, count=1)": lambda one, names: one.get_trade(
        some(names), count=1, on_error="skip"
    ),
    'get_candle(20 codes, "1m", count=1)': lambda one, names: one.get_candle(
        some(names), "1m", count=1, on_error="skip"
    ),
    'backfill(20 codes, "1h", a day)': lambda one, names: backfilled(one, some(names)),
}
STATES: dict[str, Callable[[Sandbox], Any]] = {
    "nothing": lambda _: None,
    "ended market": lambda exchange: exchange.set_market(BAD, "end"),
    "odd row": lambda exchange: exchange.set_odd("null-price", BAD),
    "414": lambda _: None,
}


def some(names: list[str]) -> list[str]:
    """Give twenty codes, the bad one among them."""
    return [BAD, *[name for name in names if name.startswith("KRW-") and name != BAD][:19]]


def backfilled(one: SmartDataProvider, names: list[str]) -> list[str]:
    """Backfill a day, and warn of each failure that is reported."""
    report = one.backfill(names, "1h", **DAY, show=False).wait(120)
    for name, failure in report.failures.items():
        warnings.warn(f"{name} reported: {failure}", stacklevel=2)
    return [name for name in names if one.lake().gaps(name, "1h", **DAY).is_empty()]


def measure(*, quick: bool) -> dict[str, Any]:
    """Make every call in every state; quick leaves out those that walk pages."""
    calls = list(CALLS)[:6] if quick else list(CALLS)
    rows = [cell(call, state) for call in calls for state in STATES]
    said = sorted({text for row in rows for text in row.pop("said")})
    return {"rows": rows, "ratios": {}, "named": {"warnings": said}}


def cell(call: str, state: str) -> dict[str, Any]:
    """Make one call in one state."""
    with made(long=state == "414") as (exchange, provider):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exchange's clock stands still, ours does not
            names = provider.get_market()["symbol"].to_list()
        STATES[state](exchange)
        exchange.reset_stats()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            given = CALLS[call](provider, names)
        sent = exchange.requests()
        paths = Counter(each["path"].removeprefix("/v1/").partition("/")[0] for each in sent)
        refused = Counter(each["status"] for each in sent if each["status"] != 200)
    return {
        "call": call,
        "state": state,
        "rows": len(given),
        "requests": " + ".join(f"{count} {path}" for path, count in paths.items()),
        "refused": " + ".join(f"{count} x {status}" for status, count in refused.items()) or "none",
        "warnings": len(caught),
        "said": [str(each.message) for each in caught],
    }


@contextlib.contextmanager
def made(*, long: bool) -> Iterator[tuple[Sandbox, SmartDataProvider]]:
    """Make an exchange and a provider of it; with `long` the client cuts no URL short."""
    usual = rest.URL_LENGTH
    with scratch() as folder, Sandbox(seed=1, now=NOW, speed=0, limit=LIMIT) as exchange:
        _set_folders(folder)
        rest.URL_LENGTH = LONG if long else usual
        try:
            with SmartDataProvider(
                endpoint=exchange.endpoint, lake=folder / "lake", limits=LIMITS
            ) as provider:
                yield exchange, provider
        finally:
            rest.URL_LENGTH = usual


def _set_folders(folder: Path) -> None:
    os.environ["MARKETKIT_BUDGET_DIR"] = str(folder / "budget")
    os.environ["MARKETKIT_CACHE"] = str(folder / "cache")
