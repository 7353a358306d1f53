"""What leaves a bucket: series that are dropped, and objects that are damaged.

Nobody can be kept out of a bucket, so each object goes by its version: one that another writer has
replaced since is looked at again. A damaged one is copied under `corrupt/` before it is deleted.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from marketkit.data.lake.format.chunk import footer_of
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.format.objects import Conflict, Version
from marketkit.data.lake.format.seal import Broken
from marketkit.data.lake.store import away_log
from marketkit.data.lake.store.mirror import Mirror
from marketkit.errors import CorruptFile, NotWritable

_TRIES = 50  # to delete an object that others go on replacing


def drop(mirror: Mirror, series: Series) -> int:
    """Remove the objects of a series that are there now, its log last; give the bytes of candles.

    Raises `NotWritable`.
    """
    logged, chunks = away_log.objects_of(mirror, series), mirror.listed(series)
    size = sum(_delete(mirror, series.path(chunk), seen) for chunk, seen in chunks.items())
    _drop_log(mirror, series, logged)
    return size


def drop_seen(mirror: Mirror, series: Series, seen: Mapping[str, Version]) -> None:
    """Remove chunks of a series as they were seen; one that another has replaced stays.

    The log goes where no chunk is left.
    """
    logged = away_log.objects_of(mirror, series)
    for chunk, version in seen.items():
        key = series.path(chunk)
        with suppress(Conflict):
            mirror.objects.delete(key, version)
            (mirror.root / key).unlink(missing_ok=True)
    if not mirror.listed(series):
        _drop_log(mirror, series, logged)


def set_aside(mirror: Mirror, key: str, version: Version, error: CorruptFile) -> CorruptFile:
    """Take a damaged object out of the lake, and give the error that says so."""
    kept = keep(mirror, key, version)
    with suppress(Conflict):  # another has put a sound one meanwhile
        mirror.objects.delete(key, version)
    (mirror.root / key).unlink(missing_ok=True)
    return CorruptFile(
        f"{mirror.url}/{key} cannot be read: {error.__cause__ or error};\n"
        f"the bytes are kept as {kept}, the slots are unknown: backfill them again"
    )


def keep(mirror: Mirror, key: str, version: Version) -> str:
    """Copy an object under `corrupt/`, and give the key of the copy."""
    # machine's clock: a name for people; whoever takes bytes out asks no exchange
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    kept = f"corrupt/{name}/{key}"
    mirror.objects.copy(key, version, kept)
    return kept


def set_broken_aside(mirror: Mirror, series: Series) -> None:
    """Set the first object of a series aside whose footer rotted, and raise `CorruptFile` for it.

    Others than ours are for a person to see.
    """
    for chunk, version in sorted(mirror.listed(series).items()):
        key = series.path(chunk)
        try:
            footer_of(BytesIO(mirror.end_of(key, version)), Path(key), series)
        except (Conflict, FileNotFoundError):
            continue
        except CorruptFile as error:
            if isinstance(error.__cause__, Broken):
                raise set_aside(mirror, key, version, error) from error


def _drop_log(mirror: Mirror, series: Series, logged: Mapping[str, Version]) -> None:
    for key, version in logged.items():
        _delete(mirror, key, version)
    away_log.pull_series(mirror, series)


def _delete(mirror: Mirror, key: str, version: Version) -> int:
    """Delete an object, also one that came in its place meanwhile; give the size."""
    for _ in range(_TRIES):
        try:
            mirror.objects.delete(key, version)
        except Conflict:
            found = dict(mirror.objects.list(key))
            if key not in found:
                break
            version = found[key]
        else:
            break
    else:
        raise NotWritable(f"{mirror.url}/{key} is written by others all the time: ask again later")
    (mirror.root / key).unlink(missing_ok=True)
    return version.size
