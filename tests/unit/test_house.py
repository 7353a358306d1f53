"""The figures of the house are counted right on a package made for it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ONE = '''"""One side of a circle."""

from typing import TYPE_CHECKING

from marketkit.two import other

if TYPE_CHECKING:
    from marketkit.three import Third


def plain(a: int) -> int:
    """Add one.

    A docstring, blanks and comments are no code.
    """
    # neither is this

    return (
        a
        + 1
    )


def branching(a):
    return a if a else other()
'''
TWO = '''"""What it gives to those who ask."""


def other() -> None:
    """Call the `it` of the other side."""
    from marketkit import one

    one.plain(1)
'''


@pytest.fixture
def house(tmp_path, monkeypatch):
    """The script, at work on a small package."""
    spec = importlib.util.spec_from_file_location("house", ROOT / "benchmarks" / "house.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "house", module)  # dataclasses look there
    spec.loader.exec_module(module)
    monkeypatch.chdir(tmp_path)
    package = tmp_path / "marketkit"
    package.mkdir()
    (package / "__init__.py").write_text('"""A package."""\n')
    (package / "one.py").write_text(ONE)
    (package / "two.py").write_text(TWO)
    third = (
        '"""A third."""\n\nfrom marketkit.one import plain\n\n\nclass Third:\n    """A class."""\n'
    )
    (package / "three.py").write_text(third)
    layers = '[[tool.importlinter.contracts]]\ntype = "layers"\nlayers = ["a", "b | c"]\n'
    (tmp_path / "pyproject.toml").write_text(layers)
    return module


def test_every_figure_names_what_misses(house):
    named = house.measure(quick=True)["named"]
    assert len(named["modules in the top folder"]) == 4
    assert named["package cycles"] == ["marketkit.one <-> marketkit.two"]
    assert named["package cycles, imports for typing too"] == [
        "marketkit.one <-> marketkit.three <-> marketkit.two"
    ]
    assert named["rows of the import contract"] == ["a", "b | c"]
    (leaning,) = named["first lines that lean on a pronoun"]
    assert leaning.startswith("marketkit/two.py:1: What it gives")
    (untested,) = named["modules with logic, without a test file"]
    assert untested == "marketkit/one.py wants tests/unit/test_one.py"
    assert named["functions not annotated"] == ["marketkit/one.py:24: branching"]
    assert named["public names not documented"] == ["marketkit/one.py:24: branching"]


def test_docstrings_blanks_and_comments_are_no_code(house):
    module = next(each for each in house._modules() if each.path.name == "one.py")
    sizes = {each.name: module.size(each) for each in module.functions}
    assert sizes == {"plain": 4, "branching": 1}


def test_a_test_file_beside_the_mirrored_module_is_enough(house, tmp_path):
    folder = tmp_path / "tests" / "unit"
    folder.mkdir(parents=True)
    (folder / "test_one.py").write_text("")
    assert house.measure(quick=True)["named"]["modules with logic, without a test file"] == []


def test_the_table_says_what_is_wanted_and_whether_it_holds(house):
    rows = {row["figure"]: row for row in house.measure(quick=True)["rows"]}
    assert rows["package cycles"]["holds"] == "NO"
    assert rows["files <= 300 lines, %"] == {
        "figure": "files <= 300 lines, %", "is": 100.0, "want": ">= 95", "holds": "yes",
    }  # fmt: skip
