"""Examples in docstrings: each is run and gives the result that it shows."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import marketkit

ROOT = Path(marketkit.__file__).parent
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
# Examples of calls ask an exchange: tests/integration/test_call_examples.py has them run.
PURE = sorted(
    path
    for path in ROOT.rglob("*.py")
    if ">>> " in (text := path.read_text("utf-8")) and ">>> mk." not in text
)


def module_of(path):
    """Give the dotted name of a module of the package."""
    return ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)


@pytest.mark.parametrize("path", PURE, ids=map(module_of, PURE))
def test_an_example_gives_the_result_that_it_shows(path):
    failed, attempted = doctest.testmod(importlib.import_module(module_of(path)), optionflags=FLAGS)
    assert attempted
    assert not failed
