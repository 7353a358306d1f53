"""What old versions of marketkit have written, unpacked anew for every test."""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from marketkit import Lake
from marketkit.schema import ROW, TIME

VERSIONS = sorted((Path(__file__).parents[2] / "data" / "golden" / "versions").glob("*.tar.xz"))


def frame(symbol: str, rows: list[list]) -> pl.DataFrame:
    """Give rows of `expected.json` as the lake gives candles."""
    names = [name for name in ROW if name != "symbol"]
    kinds = {name: pl.Int64() if name == "time" else ROW[name] for name in names}
    made = pl.DataFrame(rows, schema=kinds, orient="row").with_columns(pl.col("time").cast(TIME))
    return made.with_columns(pl.lit(symbol).alias("symbol")).select(*ROW)


@dataclass(frozen=True)
class Old:
    """The folder of one version; `expected` is what its sandbox had."""

    name: str
    folder: Path
    expected: dict

    @property
    def lake(self) -> Lake:
        """The lake, opened anew."""
        return Lake(self.folder / "lake")

    @property
    def candles(self) -> list[tuple[str, str, tuple[int, int], pl.DataFrame]]:
        """Symbol, timeframe, span and rows of each series that was filled."""
        told = self.expected["series"]
        return [
            (*each["series"], tuple(each["span"]), frame(each["series"][0], each["rows"]))
            for each in told
        ]

    @property
    def endpoint(self) -> str:
        """The sandbox that filled the folder, as budgets name it."""
        host, port = next((self.folder / "budget").glob("*.bin")).name.split("-")[0].split("_")
        return f"http://{host}:{port}"


@pytest.fixture(params=VERSIONS, ids=lambda path: path.name.partition(".")[0])
def old(request, tmp_path, monkeypatch):
    """One version's folder, with the settings that name its parts."""
    with tarfile.open(request.param) as packed:
        packed.extractall(tmp_path / "old", filter="data")
    folder = tmp_path / "old"
    for name, place in {"BUDGET_DIR": "budget", "LAKE": "lake", "CACHE": "cache"}.items():
        monkeypatch.setenv(f"MARKETKIT_{name}", str(folder / place))
    expected = json.loads((folder / "expected.json").read_text())
    return Old(request.param.name.partition(".")[0], folder, expected)
