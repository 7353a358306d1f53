"""The file of a scheduled backfill: which markets, how deep, kept up to date or not."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from marketkit.data.jobs.config_keys import read_keys, shown
from marketkit.data.jobs.rescue import BEGINNING, announced
from marketkit.data.jobs.tasks import Order
from marketkit.data.lake.lake import Lake
from marketkit.data.lake.names import MarketNames
from marketkit.errors import InputError, LakeError
from marketkit.frames import one_of
from marketkit.settings import given_place, resolve_endpoint
from marketkit.symbols import is_glob, typed
from marketkit.timeframe import DAY, Timeframe, parse_duration, parse_time, parse_timeframe

_IS_DATE = re.compile(r"\d{4}-|\d{8}")  # `1000h` is none


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
    With `archive = true` whole months and days come from the archive.
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
    archive: bool = False


@dataclass(frozen=True, slots=True)
class ScheduledBackfill:
    """One backfill that a file asks for, up to now; `start` is in ms UTC."""

    symbols: tuple[str, ...]
    timeframe: str
    start: int


def read_config(path: Path) -> Config:
    """Read and check a file; the path of a lake counts from the folder of the file.

    Raises `InputError`, before anybody is asked or anything is written, that names file, key and
    value, and what to write instead.
    """
    try:
        keys, universes = read_keys(path)
        config = Config([_universe(each) for each in universes], **keys)
        _check(config)
        if config.lake is not None:
            place = given_place(config.lake, "lake")
            config = replace(
                config, lake=place if isinstance(place, str) else str(path.parent / place)
            )
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return config


def chores(config: Config, markets: pl.DataFrame, lake: Lake, now: int) -> list[ScheduledBackfill]:
    """List the backfills that bring the lake to the state a file asks for; asks nobody."""
    names_of = MarketNames(markets).codes
    universes = [replace(each, symbols=names_of(each.symbols)) for each in config.universe]
    found = _rescues(universes, markets) if config.rescue else []
    for universe in universes:
        names = members(universe, markets)
        for name, depth in universe.depth.items():
            timeframe = parse_timeframe(name)
            start = _start(depth, now)
            if start >= now:
                raise InputError(f"depth {name} = {shown(depth)} lies in the future")
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


def _rescues(universes: Sequence[UniverseConfig], markets: pl.DataFrame) -> list[ScheduledBackfill]:
    """List the backfills of all history of markets that are announced to end."""
    ending = markets.filter(pl.col("symbol").is_in(announced(markets)))
    wanted: dict[str, set[str]] = {}
    for universe in universes:
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
        raise InputError(f"no market is in the universe of {_said(universe, markets)}")
    return sorted(names)


def _said(universe: UniverseConfig, markets: pl.DataFrame) -> str:
    """Name the keys that choose the markets of a universe."""
    said, quote = " ".join(universe.symbols), universe.quote
    if quote is not None:
        quotes = sorted(set(markets["quote"]))
        said += f" with quote = {shown(quote)}"
        said += "" if quote.upper() in quotes else f" (one of {' '.join(quotes)})"
    return said + (f" without {' '.join(universe.exclude)}" if universe.exclude else "")


def _unlisted(universe: UniverseConfig, markets: pl.DataFrame) -> list[str]:
    """Give the codes of a universe that no market has, or has any more, whatever they begin with.

    Of a slip in the part before the dash (`KWR-BTC`) nobody should hear nothing.
    """
    names = markets["symbol"].to_list()
    codes = typed(universe.symbols, names, aloud=False)
    gone = [code for code in codes if not (is_glob(code) or any(_matching(names, code)))]
    found = pl.DataFrame({"symbol": gone}, schema={"symbol": pl.String()})
    return _meant(replace(universe, quote=None), found)["symbol"].to_list()


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


def _universe(keys: Mapping[str, Any]) -> UniverseConfig:
    """Make a universe of its keys; a single text stands for the list of it."""
    single = [each for each in ("symbols", "exclude") if isinstance(keys.get(each), str)]
    return UniverseConfig(**{**keys, **{each: [keys[each]] for each in single}})


def _check(config: Config) -> None:
    """Refuse values of the right form that mean nothing."""
    one_of("order", config.order, Order)
    for key in ("patience", "verify", "max_time"):
        if (duration := getattr(config, key)) is not None:
            with _naming(key):
                parse_duration(duration)
    if (config.endpoint, config.region) != (None, None):
        resolve_endpoint(config.endpoint, config.region)
    for universe in config.universe:
        _check_universe(universe)


def _check_universe(universe: UniverseConfig) -> None:
    with _naming("symbols"):
        typed(universe.symbols, aloud=False)
    if universe.exclude:
        with _naming("exclude"):
            typed(universe.exclude, aloud=False)
    if not universe.depth:
        raise InputError('depth is a table such as { 1m = "2y", 1h = "listing" }')
    for timeframe, depth in universe.depth.items():
        with _naming(f"depth {timeframe} = {shown(depth)}"):
            parse_timeframe(timeframe)
            _start(depth, 0)


@contextmanager
def _naming(key: str) -> Iterator[None]:
    """Name a key in the errors about a value."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{key}: {error}") from error


def _start(depth: str | date, now: int) -> int:
    """Give the start that a depth means; of a length of time the day: one job all day."""
    if depth == "listing":
        return BEGINNING
    if not isinstance(depth, str | date):
        raise InputError('write a length of time such as "90d", a date, or "listing"')
    if isinstance(depth, str) and not _IS_DATE.match(depth):
        return max(0, now - parse_duration(depth.removeprefix("-"))) // DAY * DAY
    return parse_time(depth)


def _last(lake: Lake, symbol: str, timeframe: Timeframe, start: int) -> int:
    """Give the day up to which the lake has a symbol, or `start` if there is nothing to read."""
    covered = None
    # Of this series, or no code at all: its backfill says so, and the others go on.
    with suppress(LakeError, InputError):
        covered = lake.covered(symbol, timeframe).hull
    return start if covered is None else max(start, timeframe.previous(covered.end) // DAY * DAY)


def moment(time: int) -> datetime:
    """Convert ms UTC into the datetime that callers pass."""
    return datetime.fromtimestamp(time / 1000, UTC)
