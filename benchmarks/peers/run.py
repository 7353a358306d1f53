"""Measures every store that can be imported here; prints one JSON object."""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks._candles import MINUTE, START, YEAR, candles, symbol
from benchmarks.lake import LAST, MONTH, WIDTH, Case, cases_of, milliseconds
from benchmarks.peers.answers import answer_of
from benchmarks.peers.known import STORES
from benchmarks.peers.stores import Marketkit, Store

MERGED = 200  # rows
FLOOR = "a copy of as many bytes (the floor)"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    years, markets, rounds = (2, 20, 3) if quick else (10, 200, 5)
    with tempfile.TemporaryDirectory(prefix="marketkit-peers-") as folder:
        os.environ["MARKETKIT_CACHE"] = f"{folder}/cache"
        os.environ["MARKETKIT_TIER"] = str(8 << 30)
        rows = measure(Path(folder), years, markets, rounds)
    ours = rows[0]
    ratios = {
        f"{row['store']}: {case}": round(value / ours[case], 2)
        for row in rows[1:]
        for case, value in row.items()
        if isinstance(value, float) and ours.get(case)
    }
    print(json.dumps({"rows": rows, "ratios": ratios}))


def measure(folder: Path, years: int, markets: int, rounds: int) -> list[dict[str, Any]]:
    stores, failures = _filled(folder, years, markets)
    results: dict[str, dict[str, Any]] = {store.name: _named(store) for store in stores}
    results[FLOOR] = {"store": FLOOR}
    cases = cases_of(years, markets)
    for case in cases:
        asked = {store.name: _question(store, case) for store in stores if _answers(store, case)}
        _compare(results, f"{case.name}, ms", asked, rounds)
    names = sorted(map(symbol, range(markets)))
    many = [store for store in stores if not store.few]
    latest = {store.name: functools.partial(store.latest, names, LAST) for store in many}
    _compare(results, f"last {LAST} of {markets}, ms", latest, rounds)
    keepers = [store for store in stores if not store.view]
    for store in keepers:
        size = sum(path.stat().st_size for path in store.folder.rglob("*") if path.is_file())
        results[store.name]["bytes a row"] = round(size / _kept(store, years, markets), 1)
    _merge(results, [store for store in keepers if not store.few], rounds)
    for store in stores:
        store.close()
    for case in (cases[0], cases[-1]):
        asked_first = [store for store in stores if _answers(store, case)]
        _first(results, asked_first, case, rounds - 2)
    return [*results.values(), *({"store": name, "failed": why} for name, why in failures.items())]


def _filled(folder: Path, years: int, markets: int) -> tuple[list[Store], dict[str, str]]:
    """Make the stores and give each all rows, or say why one could not take them."""
    stores: dict[str, Store] = {}
    failures: dict[str, str] = {}

    def tried(name: str, run: Callable[[], Any]) -> Any:
        try:
            return run()
        except Exception as error:  # noqa: BLE001 (a peer that fails is a result)
            failures[name] = f"{type(error).__name__}: {error}"[:200]
            stores.pop(name, None)
            return None

    for at, kind in enumerate(STORES):
        place = folder / ("0" if kind.view else str(at))
        made = tried(kind.name, functools.partial(kind, place))
        if made is not None:
            stores[kind.name] = made
    for market in range(markets):
        rows = candles(market, YEAR if market < years else MONTH)
        for store in [*stores.values()]:
            if not store.view and not (store.few and market):
                tried(store.name, functools.partial(store.fill, rows))
    for store in [*stores.values()]:
        tried(store.name, store.ready)
    return [*stores.values()], failures


def _answers(store: Store, case: Case) -> bool:
    return len(case.symbols) == 1 or not store.few


def _question(store: Store, case: Case) -> Callable[[], Any]:
    return functools.partial(store.read, case.symbols, case.start, case.end)


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
    block = bytearray(expected.rows * WIDTH)
    asked[FLOOR] = lambda: bytes(block)
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


def _first(results: dict, stores: list[Store], case: Case, rounds: int) -> None:
    """Time the first answer of new processes, imports and opening apart."""
    question = json.dumps([case.symbols, case.start, case.end])
    column, times = f"{case.name}, new process, ms", {}
    for _ in range(rounds):
        for store in stores:
            command = [sys.executable, "-m", "benchmarks.peers.first", store.name]
            command += [str(store.folder), question]
            done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
            if done.returncode:
                results[store.name][column] = "failed"
            else:
                times.setdefault(store.name, []).append(float(done.stdout.splitlines()[-1]))
    for name, took in times.items():
        results[name][column] = round(statistics.median(took), 2)


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
    kept = range(1 if store.few else markets)
    return sum(candles(each, YEAR if each < years else MONTH).height for each in kept)


def _named(store: Store) -> dict[str, Any]:
    try:
        version = importlib.metadata.version(store.library)
    except importlib.metadata.PackageNotFoundError:
        version = ""
    return {"store": store.name, "version": version}


if __name__ == "__main__":
    main()
