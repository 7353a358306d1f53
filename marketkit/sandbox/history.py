"""The markets of a history: single files, a directory of files, or a candle lake."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from marketkit.disk import refuse_foreign
from marketkit.errors import InputError
from marketkit.sandbox.files import last_end
from marketkit.sandbox.recorded import Recorded
from marketkit.sandbox.source import Source
from marketkit.sandbox.synthetic import seeded
from marketkit.sandbox.widths import Width, width_named

_LATER: Final = 5 * 60_000  # clients hold candles of the last minute or so for unfinished
Files = dict[str, dict[Width, list[Path]]]

_SYMBOL: Final = re.compile(r"[A-Z0-9]+-[A-Z0-9]+")
# KRW-DOGE_1m*.csv, or with an underscore the other way round: DOGE_KRW_1m*.csv
_NAMED: Final = re.compile(
    r"([A-Z0-9]+)([-_])([A-Z0-9]+)_(\d+(?:sec|min|mo|[smhdwMy]))(?![A-Za-z0-9]).*\.(?:csv|parquet)"
)
_LAKE_GLOB: Final = "candles/source=upbit/timeframe=*/series=*/*.parquet"


def markets_of(
    history: Mapping[str, str | Path] | str | Path | None, seed: int
) -> tuple[Mapping[str, Source], int]:
    """Return the markets of a history, or of a seed, and when their clock starts by default."""
    if history is None:
        # machine's clock: this exchange is here, and its clock starts with ours unless it is set
        return seeded(seed), time.time_ns() // 1_000_000
    files = find_files(history)
    return recorded(files), newest_end(files) + _LATER


def find_files(history: Mapping[str, str | Path] | str | Path) -> Files:
    """Return the files of every market and width that a history names.

    A mapping has keys like "KRW-DOGE:1m"; a path is one file or a directory of files named like
    KRW-DOGE_1m.csv or DOGE_KRW_1m.csv, or the root of a lake.
    """
    if isinstance(history, Mapping):
        named = [(*_series(key), _path(path)) for key, path in history.items()]
    else:
        named = _inside(_path(history))
    files: Files = {}
    for symbol, width, path in named:
        if not path.is_file():
            raise InputError(f"history file {path} does not exist")
        files.setdefault(symbol, {}).setdefault(width, []).append(path)
    return files


def _path(named: str | Path) -> Path:
    """Return a path with the home in place of a `~`."""
    if not str(named).strip():
        raise InputError(f"history={named!r} names no file or folder")
    refuse_foreign(str(named), f"history={str(named)!r}")
    try:
        return Path(named).expanduser()
    except RuntimeError as error:
        raise InputError(f"history={str(named)!r}: {error}") from None


def recorded(files: Files) -> dict[str, Recorded]:
    """Return the markets of a history, by symbol."""
    return {symbol: Recorded(symbol, widths) for symbol, widths in files.items()}


def newest_end(files: Files) -> int:
    """Return when the newest candle of a history ends (ms UTC)."""
    # File names sort by time in a lake; elsewhere there are few files, so all are looked at.
    return max(
        last_end(path, width)
        for widths in files.values()
        for width, paths in widths.items()
        for path in (paths[-1:] if paths[-1].parent.name.startswith("series=") else paths)
    )


def _series(key: str) -> tuple[str, Width]:
    symbol, _, name = key.partition(":")
    width = width_named(name)
    if width is None or not _SYMBOL.fullmatch(symbol):
        raise InputError(f"history {key!r} should look like 'KRW-DOGE:1m'")
    return symbol, width


def _inside(root: Path) -> list[tuple[str, Width, Path]]:
    if root.is_file():
        found = [root]
    elif root.is_dir():
        found = sorted(root.glob(_LAKE_GLOB)) or sorted(root.iterdir())
    else:
        raise InputError(f"history {root} does not exist")
    named = [series for path in found if (series := _named(path))]
    if not named:
        raise InputError(
            f"history {root} holds no file named like KRW-DOGE_1m.csv or DOGE_KRW_1m.parquet"
        )
    return named


def _named(path: Path) -> tuple[str, Width, Path] | None:
    """Return the market and width of a candle file, by file name or by folders."""
    if path.parent.name.startswith("series="):
        symbol = path.parent.name.removeprefix("series=")
        width = width_named(path.parent.parent.name.removeprefix("timeframe="))
        return (symbol, width, path) if width else None
    match = _NAMED.fullmatch(path.name)
    if match is None:
        return None
    left, mark, right, token = match.groups()
    width = width_named(token)
    symbol = f"{left}-{right}" if mark == "-" else f"{right}-{left}"
    return (symbol, width, path) if width else None
