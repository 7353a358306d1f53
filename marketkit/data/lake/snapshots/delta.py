"""Commits of a Delta table: what other engines read to find the files of a frozen set.

We write the text ourselves, from what our footers say, rather than by Delta's own library: a commit
is one object that must not be there yet, which every place of our objects can put; so the log goes
the same way as the files, with the same credentials and the same words for what fails, and no
package more is needed. Readers of the first version of the protocol understand it, so all of today.
No file is opened. Nothing here touches a disk.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias
from urllib.parse import quote, unquote
from uuid import UUID, uuid5

from marketkit.timeframe import iso

Table = Literal["candles", "trades"]
Told: TypeAlias = dict[str, Any]
LOG = "_delta_log"  # the folder of commits, beside the sources

_COLUMNS = {
    "candles": {
        "symbol": "string",
        "time": "timestamp",
        **dict.fromkeys(("open", "high", "low", "close", "volume", "value"), "double"),
    },
    "trades": {
        "symbol": "string",
        "time": "timestamp",
        "seq": "long",
        "price": "double",
        "volume": "double",
        "side": "string",
        "prev_close": "double",
        "change_price": "double",
        "sequential_id": "long",
    },
}
# Parts of the path, and no columns of the files: a Delta table may not have a name twice.
_KEYS = {"candles": ("source", "timeframe", "series"), "trades": ("source", "series")}
_OURS = "marketkit"  # under which name a commit tells more than Delta's own readers ask for
_NAMESPACE = UUID("6f1e2a3c-70a4-4f6e-9a52-3d6d1b0c8e57")  # of the names of our tables
_COMMIT = re.compile(rf"{LOG}/([0-9]{{20}})\.json")
_CENTURY = "interval 5200 weeks"  # Delta's own care takes what no name needs only after that
# Programs that tidy Delta tables by themselves would drop the versions behind older names.
_KEPT = {
    "delta.logRetentionDuration": _CENTURY,
    "delta.deletedFileRetentionDuration": _CENTURY,
    "delta.enableExpiredLogCleanup": "false",
}


class Added(NamedTuple):
    """A file of a table: where it lies below, the parts of the path, bytes, and what it holds.

    `first` and `last` are the times of its rows in ms UTC, None where it has none or nobody knows.
    """

    path: str
    parts: Mapping[str, str]
    size: int
    rows: int
    first: int | None
    last: int | None


def commit_path(version: int) -> str:
    """Name the commit of a version, below the table."""
    return f"{LOG}/{version:020}.json"


def version_of(path: str) -> int | None:
    """Give the version whose commit has this path below the table, or None for another file."""
    found = _COMMIT.fullmatch(path)
    return None if found is None else int(found[1])


def head(of: Table, name: str, created: int) -> list[dict[str, Any]]:
    """Give the lines that begin a table: the protocol, and the columns; `created` is in ms UTC.

    The same name and moment make the same table.
    """
    columns = {**_COLUMNS[of], **dict.fromkeys(_KEYS[of], "string")}
    fields = [
        {"name": column, "type": kind, "nullable": True, "metadata": {}}
        for column, kind in columns.items()
    ]
    about = {
        "id": str(uuid5(_NAMESPACE, f"{of} {name} {created}")),
        "name": name,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps({"type": "struct", "fields": fields}),
        "partitionColumns": list(_KEYS[of]),
        "createdTime": created,
        "configuration": _KEPT,
    }
    return [{"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}, {"metaData": about}]


def added(file: Added, moment: int) -> dict[str, Any]:
    """Give the line of a file that a version has and the one before has not."""
    return {
        "add": {
            "path": _quoted(file.path),
            "partitionValues": dict(file.parts),
            "size": file.size,
            "modificationTime": moment,
            "dataChange": True,
            "stats": json.dumps(_statistics(file)),
        }
    }


def removed(path: str, moment: int) -> dict[str, Any]:
    """Give the line of a file that a version has no more; the file itself stays for older ones."""
    return {"remove": {"path": _quoted(path), "deletionTimestamp": moment, "dataChange": True}}


def spell(
    lines: Iterable[Mapping[str, Any]], moment: int, operation: str, writer: str, ours: Told
) -> bytes:
    """Write a commit; what is told about it comes last, where the end of the object is enough.

    `operation` is Delta's word for what was done; `ours` is what our own readers want to know.
    """
    body = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
    proof = {"sha256": hashlib.sha256(body).hexdigest()}
    told = {"timestamp": moment, "operation": operation, "operationParameters": {}}
    told |= {"engineInfo": writer, _OURS: {**ours, **proof}}
    return body + f"{json.dumps({'commitInfo': told})}\n".encode()


def told_by(commit: bytes) -> Told | None:
    """Give what a commit of ours tells about itself, None for one of another program.

    The last bytes of a commit are enough, if they have the whole last line.
    """
    try:
        said = json.loads(commit.rstrip(b"\n").rpartition(b"\n")[2])["commitInfo"][_OURS]
    except (ValueError, LookupError, TypeError):
        return None
    return said if isinstance(said, dict) else None


def is_whole(commit: bytes) -> bool:
    """Say whether a commit of ours is as it was written, but for what it tells about itself."""
    body = commit[: commit.rstrip(b"\n").rfind(b"\n") + 1]
    told = told_by(commit)
    return told is not None and told.get("sha256") == hashlib.sha256(body).hexdigest()


def changes(commit: bytes) -> tuple[set[str], set[str]]:
    """Give the paths that a commit adds and removes, whoever wrote it. Raises `ValueError`."""
    found: dict[str, set[str]] = {"add": set(), "remove": set()}
    for line in commit.splitlines():
        for action, said in json.loads(line).items():
            if action in found:
                found[action].add(unquote(said["path"]))
    return found["add"], found["remove"]


def _quoted(path: str) -> str:
    return quote(path, safe="/=")  # the protocol wants paths as in URLs


def _statistics(file: Added) -> dict[str, Any]:
    ends = {} if file.first is None else {"minValues": {"time": iso(file.first)}}
    ends |= {} if file.last is None else {"maxValues": {"time": iso(file.last)}}
    return {"numRecords": file.rows, **ends, "nullCount": {"symbol": 0, "time": 0}}
