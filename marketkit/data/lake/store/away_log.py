"""The log of revisions in a bucket: an object for each write, and put together for a look.

`revisions/source=upbit/timeframe=1min/KRW-BTC/<written at>-<seen at>-<word>.ndjson`, since nothing
can be added to an object. Each is put before the chunk changes: a writer whom another overtakes
then has said what did not come true, or says it again, which is passed over as on a disk. For a
look the objects are fetched once each, and laid down as the log that a lake on a disk has.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from pathlib import Path

from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.format.objects import Version
from marketkit.data.lake.store.merge import Revision
from marketkit.data.lake.store.mirror import Mirror, together
from marketkit.data.lake.store.revisions import LOG_SUFFIX, Logged, line_of, log_path

_PIECES = ".revisions"  # of the mirror: the objects that were fetched


def record(mirror: Mirror, series: Series, revisions: Sequence[Revision], seen_at: int) -> None:
    """Put the revisions of a write; they are safe on return."""
    _put(mirror, series, [(each, seen_at) for each in revisions])


def add_history(mirror: Mirror, series: Series, told: Sequence[Logged]) -> None:
    """Put lines of another lake's log of a series."""
    _put(mirror, series, told)


def _put(mirror: Mirror, series: Series, told: Sequence[Logged]) -> None:
    if told:
        # machine's clock: the order of writes within a second; of others the store's clock tells
        name = f"{time.time_ns():019d}-{told[0][1]:015d}-{secrets.token_hex(2)}{LOG_SUFFIX}"
        content = "".join(line_of(series, *each) for each in told).encode()
        mirror.objects.put(f"{_folder(series)}/{name}", content, None)


def pull(mirror: Mirror, folder: str) -> None:
    """Lay down the logs of all series whose objects lie in a folder, as the bucket has them."""
    above = f"{folder}/"
    keys = sorted(key for key, _ in mirror.objects.list(above) if key.endswith(LOG_SUFFIX))
    together(lambda key: _fetch(mirror, key), keys)
    logs: dict[str, list[str]] = {}
    for key in keys:
        logs.setdefault(key.rpartition("/")[0], []).append(key)
    for own, pieces in logs.items():
        paths = [mirror.root / _PIECES / key for key in pieces]
        # Clocks of machines differ; that of a store may count whole seconds only.
        paths.sort(key=lambda path: (path.stat().st_mtime_ns // 10**9, path.name))
        mirror.lay(f"{own}{LOG_SUFFIX}", b"".join(path.read_bytes() for path in paths))
    _sweep(mirror.root, above, logs)


def pull_series(mirror: Mirror, series: Series) -> None:
    """Lay down the log of one series."""
    pull(mirror, _folder(series))


def objects_of(mirror: Mirror, series: Series) -> dict[str, Version]:
    """List the objects of the log of a series."""
    return dict(mirror.objects.list(f"{_folder(series)}/"))


def _folder(series: Series) -> str:
    return log_path(Path(), series).as_posix().removesuffix(LOG_SUFFIX)


def _fetch(mirror: Mirror, key: str) -> None:
    """Fetch an object that nobody ever replaces; the file has the time of the store's clock."""
    path = mirror.root / _PIECES / key
    if not path.exists():
        _, moment = mirror.objects.written_at(key)
        mirror.lay(f"{_PIECES}/{key}", mirror.objects.read(key)[0], moment * 10**6)


def _sweep(root: Path, above: str, logs: dict[str, list[str]]) -> None:
    """Remove logs of the mirror that the bucket has not any more."""
    for path in (root / "revisions").glob(f"*/*/*{LOG_SUFFIX}"):
        folder = path.relative_to(root).as_posix().removesuffix(LOG_SUFFIX)
        if f"{folder}/".startswith(above) and folder not in logs:
            path.unlink(missing_ok=True)
