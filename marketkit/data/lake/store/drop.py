"""How a series leaves the lake: one at a time, under the writers' lock."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from marketkit.coverage import Spans
from marketkit.data.lake.format.journal import path_of
from marketkit.data.lake.format.layout import SUFFIX, Series, is_chunk
from marketkit.data.lake.format.strangers import sweep
from marketkit.data.lake.store import away_care
from marketkit.data.lake.store.index import Index
from marketkit.data.lake.store.mirror import Away
from marketkit.data.lake.store.pages import compact_all
from marketkit.data.lake.store.place import Place
from marketkit.data.lake.store.revisions import log_path
from marketkit.data.lake.store.write import only_writer, writing
from marketkit.disk import sync_folder
from marketkit.disk.system import remove
from marketkit.errors import NotWritable


def drop_series(place: Place, series: Series) -> int:
    """Remove the files and the log of a series; give the bytes of candles.

    Each file proves itself alone, so that an end half-way leaves a lake that knows less, never one
    that says what is not so. A frozen set has names of its own for the files and keeps them.
    """
    try:
        with place.writable(), only_writer(place.root, series):
            if place.mirror is None:
                return _remove(place.root, place.index, series)
            size = away_care.drop(place.mirror, series)
            place.index.forget(series)
            return size
    except NotWritable as error:
        if not isinstance(error.__cause__, OSError):
            raise
        said = f"{series.symbol} cannot be removed from {place.where}: {error.__cause__}"
        raise NotWritable(said) from error.__cause__


def drop_known(place: Place, series: Series, known: Spans) -> None:
    """Remove a series whose slots are all `known` elsewhere; in a bucket, chunks of which all are.

    A page that another writes meanwhile stays. Raises `NotWritable` and `CorruptFile`.
    """
    compact_all(place, [series])
    with writing(place, series):
        entries = place.index.entries(series)
        found = [each for each in entries if each.footer.covered <= known]
        if place.mirror is not None:
            seen = {each.chunk: each.version for each in found if isinstance(each, Away)}
            away_care.drop_seen(place.mirror, series, seen)
            place.index.forget(series)
        elif len(found) == len(entries) and place.journals.read(series) is None:
            _remove(place.root, place.index, series)


def _remove(root: Path, index: Index, series: Series) -> int:
    folder, size = root / series.folder, 0
    if folder.is_dir():
        sweep(folder)
        for path in folder.glob(f"*{SUFFIX}"):
            if is_chunk(series.timeframe, path.name.removesuffix(SUFFIX)) and not path.is_dir():
                size += path.lstat().st_size
                remove(path)
        sync_folder(folder)
        with suppress(OSError):  # something else lies there: an audit names it
            folder.rmdir()
    _gone(path_of(root, series))  # whose records would come back before the files
    # The log goes last: it must never lack what the candles beside it have been through.
    _gone(log_path(root, series))
    index.forget(series)
    return size


def _gone(path: Path) -> None:
    """Remove a file, if there is one, for good: none that a power cut brings back."""
    if path.exists():
        path.unlink(missing_ok=True)
        sync_folder(path.parent)
