"""The log of revisions in a bucket: an object for each write, and put together for a look.

`revisions/source=upbit/timeframe=1min/KRW-BTC/<seen at>-<word>.ndjson`, since nothing can be added
to an object. Each is put before the chunk changes. The word is made of the lines and of the version
of the chunk that they are about, so that a writer who tries again says nothing twice. For a look
the objects are fetched once each, and laid down as the log that a lake on a disk has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from marketkit.data.lake.format.chunk import Entry
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.format.objects import Conflict, Version
from marketkit.data.lake.store.merge import Revision
from marketkit.data.lake.store.mirror import Mirror, together
from marketkit.data.lake.store.revisions import LOG_SUFFIX, Logged, line_of, log_path

_PIECES = ".revisions"  # of the mirror: the objects that were fetched


def record(
    mirror: Mirror,
    series: Series,
    revisions: Sequence[Revision],
    seen_at: int,
    here: Entry | None,
) -> None:
    """Put the revisions of a write of a chunk as it is `here`; they are safe on return."""
    if not revisions:
        return
    content = "".join(line_of(series, each, seen_at) for each in revisions).encode()
    said = content + repr(None if here is None else here.stamp).encode()
    word = hashlib.sha256(said).hexdigest()[:16]
    with suppress(Conflict):  # said before, by a try that another writer made vain
        mirror.objects.put(f"{_folder(series)}/{seen_at:015d}-{word}{LOG_SUFFIX}", content, None)


def pull(mirror: Mirror, folder: str) -> None:
    """Lay down the logs of all series whose objects lie in a folder, as the bucket has them."""
    above = f"{folder}/"
    keys = sorted(key for key, _ in mirror.objects.list(above) if key.endswith(LOG_SUFFIX))
    together(lambda key: _fetch(mirror, key), keys)
    logs: dict[str, list[str]] = {}
    for key in keys:
        logs.setdefault(key.rpartition("/")[0], []).append(key)
    for own, pieces in logs.items():
        content = b"".join((mirror.root / _PIECES / key).read_bytes() for key in pieces)
        mirror.lay(f"{own}{LOG_SUFFIX}", content)
    _sweep(mirror.root, above, logs)


def pull_series(mirror: Mirror, series: Series) -> None:
    """Lay down the log of one series."""
    pull(mirror, _folder(series))


def objects_of(mirror: Mirror, series: Series) -> dict[str, Version]:
    """List the objects of the log of a series."""
    return dict(mirror.objects.list(f"{_folder(series)}/"))


def add_history(mirror: Mirror, series: Series, told: Sequence[Logged]) -> None:
    """Put lines of another lake's log of a series, in one object."""
    if told:
        content = "".join(line_of(series, *each) for each in told).encode()
        word = hashlib.sha256(content).hexdigest()[:16]
        with suppress(Conflict):  # said before
            mirror.objects.put(
                f"{_folder(series)}/{told[0][1]:015d}-{word}{LOG_SUFFIX}", content, None
            )


def _folder(series: Series) -> str:
    return log_path(Path(), series).as_posix().removesuffix(LOG_SUFFIX)


def _fetch(mirror: Mirror, key: str) -> None:
    """Fetch an object that nobody ever replaces."""
    path = mirror.root / _PIECES / key
    if not path.exists():
        mirror.lay(f"{_PIECES}/{key}", mirror.objects.read(key)[0])


def _sweep(root: Path, above: str, logs: dict[str, list[str]]) -> None:
    """Remove logs of the mirror that the bucket has not any more."""
    for path in (root / "revisions").glob(f"*/*/*{LOG_SUFFIX}"):
        folder = path.relative_to(root).as_posix().removesuffix(LOG_SUFFIX)
        if f"{folder}/".startswith(above) and folder not in logs:
            path.unlink(missing_ok=True)
