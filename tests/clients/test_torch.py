"""torch, where it is installed, on the windows that marketkit cuts."""

from __future__ import annotations

import pytest

from marketkit.to import numpy as windows
from marketkit.to import torch as dataset
from tests.unit.to.conftest import candles

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture
def hours():
    return candles("KRW-BTC", [*range(50), *range(60, 100)], 178_345_000.0)


def test_a_dataset_has_the_very_numbers_of_the_windows(hours):
    made, items = (
        windows(hours, "1h", window=8, horizon=2),
        dataset(hours, "1h", window=8, horizon=2),
    )
    assert isinstance(items, torch.utils.data.Dataset)
    assert len(items) == len(made) == 41 + 31
    x, y = items.tensors
    assert x.dtype == y.dtype == torch.float64
    assert (x.numpy() == made.x).all()
    assert (y.numpy() == made.y).all()


def test_a_loader_takes_windows_as_they_are(hours):
    made = windows(hours, "1h", window=8, columns=["close"])
    batches = list(torch.utils.data.DataLoader(made, batch_size=16))
    assert sum(len(x) for x, _ in batches) == len(made)
    x, y = batches[0]
    assert tuple(x.shape) == (16, 8, 1)
    assert (x.numpy() == made.x[:16]).all()
    assert (y.numpy() == made.y[:16]).all()


def test_parts_of_a_split_are_datasets_too(hours):
    train, test = windows(hours, "1h", window=8).split("2026-03-03")
    assert len(train.torch()) == len(train)
    assert len(test.torch()) == len(test)
