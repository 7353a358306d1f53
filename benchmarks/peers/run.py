"""Measures every store that can be imported here; prints one JSON object."""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import json
import os
import random
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks._candles import MINUTE, START, YEAR, candles, symbol
from benchmarks.lake import LAST, MONTH, cases_of, milliseconds
from benchmarks.peers.answers import answer_of
from benchmarks.peers.stores import STORES, Marketkit, Store

MERGED = 200  # rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    years, markets, rounds = (2, 20, 3) if quick else (10, 200, 5)
    with tempfile.TemporaryDirectory(prefix="marketkit-peers-") as folder:
        os.environ["MARKETKIT_CACHE"] = f"{folder}/cache"
        os.environ["MARKETKIT_TIER"] = str(8 << 30)  # four lakes share the images' room
        rows = measure(Path(folder), years, markets, rounds)
    ours = rows[0]
    ratios = {
        f"{row['store']}: {case}": round(value / ours[case], 2)
        for row in rows[1:]
        for case, value in row.items()
        if isinstance(value, float)
    }
    print(json.dumps({"rows": rows, "ratios": ratios}))


def measure(folder: Path, years: int, markets: int, rounds: int) -> list[dict[str, Any]]:
    failures: dict[str, str] = {}
    stores = []
    for at, kind in enumerate(STORES):
        try:
            store = kind(folder / str(at))
            _fill(store, years, markets)
            stores.append(store)
        except Exception as error:  # noqa: BLE001 (a peer that fails is a result)
            failures[kind.name] = f"{type(error).__name__}: {error}"[:200]
    results: dict[str, dict[str, Any]] = {store.name: _named(store) for store in stores}
    names = sorted(map(symbol, range(markets)))
    for case in cases_of(years, markets):
        question = (case.symbols, case.start, case.end)
        answering = [store for store in stores if len(case.symbols) == 1 or not _few(store)]
        asked = {store.name: functools.partial(store.read, *question) for store in answering}
        _compare(results, f"{case.name}, ms", asked, rounds)
    many = [store for store in stores if not _few(store)]
    latest = {store.name: functools.partial(store.latest, names, LAST) for store in many}
    _compare(results, f"last {LAST} of {markets}, ms", latest, rounds)
    for store in stores:
        size = sum(path.stat().st_size for path in store.folder.rglob("*") if path.is_file())
        results[store.name]["bytes a row"] = round(size / _kept(store, years, markets), 1)
    _merge(results, many, rounds)
    return [*results.values(), *({"store": name, "failed": why} for name, why in failures.items())]


def _fill(store: Store, years: int, markets: int) -> None:
    for market in range(1 if _few(store) else markets):
        minutes = YEAR if market < years else MONTH
        store.fill(candles(market, minutes))
    store.ready()


def _compare(results: dict, case: str, asked: dict, rounds: int) -> None:
    """Check that all give the rows that we do, times and numbers, and time them in turn."""
    expected = answer_of(asked[Marketkit.name]())
    for name in [*asked]:
        try:
            problem = expected.differs(answer_of(asked[name]()))
        except Exception as error:  # noqa: BLE001
            problem = f"{type(error).__name__}: {error}"[:80]
        if problem:
            results[name][case] = problem
            del asked[name]
    times = _in_turn([*asked.values()], rounds)
    for name, took in zip(asked, times, strict=True):
        results[name][case] = round(took, 2)


def _in_turn(runs: list[Callable[[], object]], rounds: int) -> list[float]:
    """Give the median milliseconds of each, all asked once a round in random order.

    Each is asked twice in a row and the second counts: whoever comes after another pays for the
    caches and the memory that it left behind, up to as much again as for the question.
    """
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for which in random.sample(range(len(runs)), len(runs)):
            milliseconds(runs[which])
            times[which].append(milliseconds(runs[which]))
    return [statistics.median(each) for each in times]


def _merge(results: dict, stores: list[Store], rounds: int) -> None:
    """Time pages of rows that change what is in the middle of the first market."""
    start = START + 10 * 1440 * MINUTE
    end = start + MERGED * MINUTE
    case = f"merge of {MERGED} rows, ms"
    page = stores[0].read([symbol(0)], start, end).drop("state")
    times: dict[str, list[float]] = {store.name: [] for store in stores}
    for each in range(rounds + 1):
        changed = page.with_columns(pl.col("volume") + each + 1)
        for store in stores:
            run = functools.partial(store.merge, changed)
            times[store.name].append(milliseconds(run))
    for store in stores:
        results[store.name][case] = round(statistics.median(times[store.name][1:]), 2)
        problem = answer_of(changed).differs(answer_of(store.read([symbol(0)], start, end)))
        if problem:
            results[store.name][case] = problem


def _kept(store: Store, years: int, markets: int) -> int:
    kept = range(1 if _few(store) else markets)
    return sum(candles(each, YEAR if each < years else MONTH).height for each in kept)


def _few(store: Store) -> bool:
    return getattr(store, "few", False)


def _named(store: Store) -> dict[str, Any]:
    try:
        version = importlib.metadata.version(store.library)
    except importlib.metadata.PackageNotFoundError:
        version = ""
    return {"store": store.name, "version": version}


if __name__ == "__main__":
    main()
