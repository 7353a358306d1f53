"""The file of a scheduled backfill: which markets, how deep, kept up to date or not."""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from marketkit.data.jobs.rescue import BEGINNING, announced
from marketkit.data.jobs.tasks import Order
from marketkit.data.lake.lake import Lake
from marketkit.errors import InputError, LakeError, nearest
from marketkit.frames import one_of
from marketkit.symbols import is_glob, typed
from marketkit.timeframe import (
    DAY,
    Timeframe,
    is_relative,
    parse_duration,
    parse_time,
    parse_timeframe,
)

T = TypeVar("T")

_FLAGS = frozenset({"rescue", "update", "warning"})
_LISTS = frozenset({"exclude", "symbols"})
_TEXTS = frozenset(
    {"endpoint", "lake", "max_time", "order", "patience", "quote", "region", "verify"}
)


@dataclass(frozen=True, slots=True)
class UniverseConfig:
    """Markets and how deep their candles go.

    `symbols` are codes or globs, of which `quote` keeps one currency, `exclude` (globs) drops some
    and `warning = false` those that the exchange warns of. `depth` has for each timeframe a length
    of time before now (`"90d"` or `"-90d"`), a date, or `"listing"`. With `update = true` what the
    lake has is only carried on to now, and `depth` is for symbols it does not have.
    """

    depth: Mapping[str, str | date]
    symbols: Sequence[str] = ("*",)
    quote: str | None = None
    exclude: Sequence[str] = ()
    warning: bool = True
    update: bool = False


@dataclass(frozen=True, slots=True)
class Config:
    """All of a file; `lake`, `endpoint` and `region` are for where the command line says none.

    With `rescue = true` all history of markets that are announced to end is fetched before
    anything else, in the timeframes of each universe that they would be in without the warning.
    """

    universe: Sequence[UniverseConfig]
    lake: str | None = None
    endpoint: str | None = None
    region: str | None = None
    order: Order = "newest"
    verify: str | None = None
    patience: str = "12h"
    max_time: str | None = None
    rescue: bool = False


@dataclass(frozen=True, slots=True)
class ScheduledBackfill:
    """One backfill that a file asks for, up to now; `start` is in ms UTC."""

    symbols: tuple[str, ...]
    timeframe: str
    start: int


def read_config(path: Path) -> Config:
    """Read and check a file.

    Raises `InputError` that names the file, and an unknown key with the nearest that is one.
    """
    try:
        keys = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: {error}") from error
    try:
        universes = [_made(UniverseConfig, each) for each in _listed_universes(keys)]
        config = _made(Config, {**keys, "universe": universes})
        _check(config)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return config


def chores(config: Config, markets: pl.DataFrame, lake: Lake, now: int) -> list[ScheduledBackfill]:
    """List the backfills that bring the lake to the state a file asks for; asks nobody."""
    found = _rescues(config, markets) if config.rescue else []
    for universe in config.universe:
        names = members(universe, markets)
        for name, depth in universe.depth.items():
            timeframe = parse_timeframe(name)
            start = _start(depth, now)
            starts = {
                symbol: _last(lake, symbol, timeframe, start) if universe.update else start
                for symbol in names
            }
            found += [
                ScheduledBackfill(
                    tuple(s for s in names if starts[s] == each), timeframe.name, each
                )
                for each in sorted(set(starts.values()))
            ]
    return found


def _rescues(config: Config, markets: pl.DataFrame) -> list[ScheduledBackfill]:
    """List the backfills of all history of markets that are announced to end."""
    ending = markets.filter(pl.col("symbol").is_in(announced(markets)))
    wanted: dict[str, set[str]] = {}
    for universe in config.universe:
        names = _meant(universe, ending)["symbol"].to_list()
        for timeframe in universe.depth:
            wanted.setdefault(parse_timeframe(timeframe).name, set()).update(names)
    return [
        ScheduledBackfill(tuple(sorted(names)), timeframe, BEGINNING)
        for timeframe, names in wanted.items()
        if names
    ]


def members(universe: UniverseConfig, markets: pl.DataFrame) -> list[str]:
    """Give the markets of a universe, sorted. Raises `InputError` if there are none.

    A code that is not listed stays: the backfill says so, and does the others.
    """
    kept = _meant(universe, markets)
    if not universe.warning:
        kept = kept.filter(~pl.col("warning").fill_null(value=False))
    names = [*kept["symbol"], *_unlisted(universe, markets)]
    if not names:
        raise InputError(f"no market is in the universe of {' '.join(universe.symbols)}")
    return sorted(names)


def _unlisted(universe: UniverseConfig, markets: pl.DataFrame) -> list[str]:
    """Give the codes of a universe that no market has, or has any more."""
    names = markets["symbol"].to_list()
    codes = typed(universe.symbols, names, aloud=False, slips=False)
    gone = [code for code in codes if not (is_glob(code) or any(_matching(names, code)))]
    found = pl.DataFrame({"symbol": gone}, schema={"symbol": pl.String()})
    quote = pl.col("symbol").str.split("-").list.first().alias("quote")
    return _meant(universe, found.with_columns(quote))["symbol"].to_list()


def _meant(universe: UniverseConfig, markets: pl.DataFrame) -> pl.DataFrame:
    """Give the markets of a universe, warned of or not."""
    kept = markets.filter(_among(markets, universe.symbols))
    if universe.quote is not None:
        kept = kept.filter(pl.col("quote") == universe.quote.upper())
    if universe.exclude:
        kept = kept.filter(~_among(markets, universe.exclude))
    return kept


def _among(markets: pl.DataFrame, globs: Sequence[str]) -> pl.Expr:
    names = markets["symbol"].to_list()
    meant = {name for glob in typed(globs, names) for name in _matching(names, glob)}
    return pl.col("symbol").is_in(sorted(meant))


def _matching(names: Sequence[str], glob: str) -> Iterator[str]:
    return (name for name in names if name == glob or fnmatch.fnmatchcase(name, glob))


def _listed_universes(keys: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = keys.get("universe")
    if not isinstance(found, list) or not found:
        raise InputError("there is no [[universe]]")
    for each in found:
        if not isinstance(each, Mapping):
            raise InputError(
                f"universe: {each!r:.80} is no table, write [[universe]] above its keys"
            )
    return found


def _made(kind: type[T], keys: Mapping[str, Any]) -> T:
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for key in keys:
        if key not in known:
            raise InputError(f"unknown key {key!r}{nearest(key, known)} (one of {' '.join(known)})")
    for key, value in keys.items():
        _check_kind(key, value)
    try:
        return kind(**keys)
    except TypeError:
        raise InputError(f"a [[universe]] without depth: {dict(keys)!r}") from None


def _check_kind(key: str, value: object) -> None:
    """Raise `InputError` for a value of another kind than its key has."""
    if key in _FLAGS and not isinstance(value, bool):
        raise InputError(f"{key}={value!r:.80} is neither true nor false")
    if key in _LISTS and not (_is_text(value) or isinstance(value, list)):
        raise InputError(f"{key}={value!r:.80} is no list of texts")
    texts = value if key in _LISTS and isinstance(value, list) else [value]
    for text in texts if key in {*_LISTS, *_TEXTS} else ():
        if not _is_text(text):
            raise InputError(f"{key}={text!r:.80} is no text of a line, in quotes")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isprintable()


def _check(config: Config) -> None:
    one_of("order", config.order, Order)
    for duration in (config.patience, config.verify, config.max_time):
        if duration is not None:
            parse_duration(duration)
    for universe in config.universe:
        if not isinstance(universe.depth, Mapping) or not universe.depth:
            raise InputError('depth is a table such as { 1m = "2y", 1h = "listing" }')
        for timeframe, depth in universe.depth.items():
            parse_timeframe(timeframe)
            _start(depth, 0)
        typed(universe.symbols, aloud=False)
        if universe.exclude:
            typed(universe.exclude, aloud=False)


def _start(depth: str | date, now: int) -> int:
    """Give the start that a depth means; of a length of time the day: one job all day."""
    if depth == "listing":
        return BEGINNING
    if isinstance(depth, str) and (is_relative(f"-{depth}") or not depth[:4].isdigit()):
        return max(0, now - parse_duration(depth.removeprefix("-"))) // DAY * DAY
    return parse_time(depth)


def _last(lake: Lake, symbol: str, timeframe: Timeframe, start: int) -> int:
    """Give the day up to which the lake has a symbol, or `start` if there is nothing to read."""
    covered = None
    with suppress(LakeError):  # of this series: its backfill says so, and the others go on
        covered = lake.covered(symbol, timeframe).hull
    return start if covered is None else max(start, timeframe.previous(covered.end) // DAY * DAY)


def moment(time: int) -> datetime:
    """Convert ms UTC into the datetime that callers pass."""
    return datetime.fromtimestamp(time / 1000, UTC)
