"""Every test of real data, read from files and read through images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from marketkit.data.lake.tier import tier


@pytest.fixture(params=[pytest.param("files", marks=pytest.mark.slow), "images"], autouse=True)
def _read_from(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Turn images off, or have each read find images of all chunks."""
    if request.param == "files":
        monkeypatch.setenv("MARKETKIT_TIER", "off")
        return
    find = tier.find

    def warmed(paths: Sequence[Path]) -> tier.Found:
        tier.warm([path for path in paths if path.exists()], {})
        return find(paths)

    monkeypatch.setattr(tier, "find", warmed)
