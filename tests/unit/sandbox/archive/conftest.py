"""Made-up markets of the default seed, and their archive."""

from __future__ import annotations

import pytest

from marketkit.sandbox.archive.archive import Archive
from marketkit.sandbox.markets import Markets
from marketkit.sandbox.synthetic import seeded


@pytest.fixture
def markets() -> Markets:
    """The register of a new exchange."""
    return Markets(seeded(1))


@pytest.fixture
def archive(markets) -> Archive:
    """The archive of a new exchange."""
    return Archive(markets)
