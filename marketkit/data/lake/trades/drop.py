"""How the trades of a market leave the lake: under the writers' lock."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from marketkit.data.lake.format import marker
from marketkit.data.lake.format.layout import SUFFIX
from marketkit.data.lake.format.strangers import sweep
from marketkit.data.lake.store.write import only_writer
from marketkit.data.lake.trades.layout import TradeSeries, is_day
from marketkit.disk import sync_folder
from marketkit.errors import LakeError, NotWritable


def drop_trades(root: Path, series: TradeSeries) -> int:
    """Remove the days and the log of a market; give the bytes of trades.

    Each day proves itself alone, so that an end half-way leaves a lake that knows less. A frozen
    set has names of its own for the files and keeps them.
    """
    try:
        marker.prepare(root)
        with only_writer(root, series):
            return _remove(root, series)
    except LakeError:
        raise
    except OSError as error:
        raise NotWritable(
            f"trades of {series.symbol} cannot be removed from {root}: {error}"
        ) from error


def _remove(root: Path, series: TradeSeries) -> int:
    folder, size = root / series.folder, 0
    if not folder.is_dir():
        return 0
    sweep(folder)
    for path in folder.glob(f"*{SUFFIX}"):
        if is_day(path.name.removesuffix(SUFFIX)) and not path.is_dir():
            size += path.lstat().st_size
            path.unlink()
    sync_folder(folder)
    # The log goes last: it must never lack what the trades beside it have been through.
    (root / series.log).unlink(missing_ok=True)
    sync_folder(folder)
    with suppress(OSError):  # something else lies there: an audit names it
        folder.rmdir()
    return size
