"""Publishing a frozen set against Delta's own converter, over the same files.

`publish` compares every byte with its hash, which the converter does not.
"""

from __future__ import annotations

import shutil
import statistics
import time
from pathlib import Path
from typing import Any

from marketkit.data.lake import Lake

KEYS = ("source", "timeframe", "series")
ROUNDS = 3


def publishing(lake: Lake) -> dict[str, Any]:
    """Time both, alternated, each over a set of its own."""
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(ROUNDS):
        frozen = lake.freeze(f"published-{number}")
        table = lake.root / "snapshots" / frozen.name / "candles"
        theirs.append(_seconds(lambda table=table: _convert(table)))
        shutil.rmtree(table / "_delta_log")
        ours.append(_seconds(lambda name=frozen.name: lake.publish(name)))
        lake.delete(frozen.name)
    mine, others = statistics.median(ours) * 1e3, statistics.median(theirs) * 1e3
    times = {"lake": round(mine, 1), "convert_to_deltalake": round(others, 1)}
    return {"case": f"publish of {frozen.files} files, ms", **times, "target": None}


def _convert(table: Path) -> None:
    import deltalake
    from deltalake.schema import PrimitiveType

    fields = [deltalake.Field(key, PrimitiveType("string")) for key in KEYS]
    schema = deltalake.Schema(fields)
    deltalake.convert_to_deltalake(str(table), partition_by=schema, partition_strategy="hive")


def _seconds(work: Any) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
