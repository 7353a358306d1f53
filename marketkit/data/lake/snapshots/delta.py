"""Frozen sets as Delta tables: a log beside the files, which stay untouched."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal
from urllib.parse import quote, unquote

from marketkit.data.lake.format.layout import SUFFIX
from marketkit.data.lake.snapshots.manifest import read_manifest
from marketkit.data.lake.snapshots.snapshot import DELTA_LOG, check_intact, folder_of, keeping
from marketkit.disk import make_folder, sync_file, sync_folder, sync_tree, write_atomic
from marketkit.disk.system import point
from marketkit.errors import InputError, MissingExtra, NotWritable
from marketkit.frames import one_of

Table = Literal["candles", "trades"]

# Keys of the path, and no columns of the files: a Delta table may not have a name twice.
_KEYS = {"candles": ("source", "timeframe", "series"), "trades": ("source", "series")}
_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")


def publish(root: Path, name: str, of: Table = "candles") -> Path:
    """Write the Delta log of a frozen set, once, and give the folder of the table.

    The log is one file that appears when it is complete, so a table is there or is not, and it is
    down when the call returns. One that a power cut left without its content is written again.
    Raises `CorruptFile` for a set that is not as it was frozen: others would read it unasked. Files
    that other programs left beside the candles are no part of the table.
    """
    try:
        import deltalake  # noqa: F401, PLC0415 - an extra
    except ImportError:
        raise MissingExtra("deltalake", "delta") from None
    one_of("of", of, Table)
    table = folder_of(root, name) / of
    if of == "trades" and not read_manifest(table.parent).days:
        raise InputError(f"the frozen set {name!r} has no trades")
    if _is_table(table):
        with suppress(PermissionError):  # then nothing was written here since long ago
            _put_down(table / DELTA_LOG)
        return table
    check_intact(root, name)
    with keeping(root):
        if not _is_table(table):  # nobody else was faster
            shutil.rmtree(table / DELTA_LOG, ignore_errors=True)
            _write(table, name)
        _put_down(table / DELTA_LOG)
    return table


def _is_table(table: Path) -> bool:
    """Say whether the log of a table is there and can be read."""
    from deltalake import DeltaTable  # noqa: PLC0415 - an extra
    from deltalake.exceptions import DeltaError  # noqa: PLC0415 - an extra

    if not (table / DELTA_LOG).is_dir():
        return False
    try:
        with _view(table, [DELTA_LOG]) if _is_escaped(table) else nullcontext(table) as path:
            DeltaTable(str(path))
    except (DeltaError, OSError, ValueError):
        return False
    return True


def _is_escaped(table: Path) -> bool:
    """Say whether Delta's library takes a part of a path for another: `%20`, or no UTF-8."""
    path = str(table.resolve())
    return _ESCAPE.search(path) is not None or os.fsencode(path) != path.encode("utf-8", "replace")


@contextmanager
def _view(table: Path, names: Iterable[str]) -> Iterator[Path]:
    """Make a folder elsewhere with links to some files or folders of a table."""
    with TemporaryDirectory(prefix="marketkit-delta-") as folder:
        for name in names:
            link = Path(folder) / name
            link.parent.mkdir(parents=True, exist_ok=True)
            point(link, table.resolve() / name)
        yield Path(folder)


def _write(table: Path, name: str) -> None:
    """Write the log; for paths confusing to the library, in a folder elsewhere first."""
    manifest = read_manifest(table.parent)
    files = manifest.days if table.name == "trades" else manifest.files
    kept = [each.path.removeprefix(f"{table.name}/") for each in files]
    here = {each.relative_to(table).as_posix() for each in table.rglob(f"*{SUFFIX}")}
    if here == set(kept) and not _is_escaped(table) and not any("%" in each for each in kept):
        _convert(table, name, table.name)
        return
    with _view(table, kept) as path:
        _convert(path, name, table.name)
        make_folder(table / DELTA_LOG)
        for each in sorted((path / DELTA_LOG).iterdir()):
            _copy_log(each, table / DELTA_LOG / each.name, kept)


def _copy_log(path: Path, target: Path, kept: Iterable[str]) -> None:
    """Copy a file of a log, and escape the paths in the copy: the converter forgets."""
    said = {unquote(name): quote(name, safe="/=") for name in kept}
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for line in lines:
        if "add" in line:
            line["add"]["path"] = said[unquote(line["add"]["path"])]
    content = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
    write_atomic(target, lambda file: file.write(content))


def _convert(table: Path, name: str, of: str) -> None:
    from deltalake import Field, Schema, convert_to_deltalake  # noqa: PLC0415 - an extra
    from deltalake.exceptions import DeltaError  # noqa: PLC0415 - an extra
    from deltalake.schema import PrimitiveType  # noqa: PLC0415 - an extra

    try:
        convert_to_deltalake(
            str(table),
            mode="ignore",
            partition_by=Schema([Field(key, PrimitiveType("string")) for key in _KEYS[of]]),
            partition_strategy="hive",
            name=name,
        )
    except DeltaError as error:
        raise NotWritable(f"no Delta log of {name} was written: {error}") from error


def _put_down(log: Path) -> None:
    """Have the log survive a power cut: files first, then their names, then the folder's own."""
    for path in sorted(each for each in log.rglob("*") if each.is_file()):
        sync_file(path)
    sync_tree(log)
    sync_folder(log.parent)
