"""Bodies typed by hand from the documented shapes, for the tests of the dialect."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[4] / "data" / "golden"


@pytest.fixture(scope="session")
def golden():
    """Give a golden body by the name of its file, as text."""
    return lambda name: (FOLDER / f"{name}.json").read_text("utf-8")
