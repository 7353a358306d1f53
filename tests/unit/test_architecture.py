"""The page for newcomers names what is there, and the layers that the import contract has."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "marketkit"
PAGE = (ROOT / ".github" / "ARCHITECTURE.md").read_text("utf-8")
CODE = set(re.findall(r"`([^`]+)`", PAGE))
MODULES = sorted(each for each in CODE if re.fullmatch(r"[\w/]+\.py", each))
FOLDERS = sorted(each for each in CODE if re.fullmatch(r"[\w/]+/", each))
CLASSES = sorted(each for each in CODE if re.fullmatch(r"[A-Z][a-z]\w*", each))
SOURCE = "\n".join(path.read_text("utf-8") for path in PACKAGE.rglob("*.py"))


def test_the_page_is_one_page():
    assert len(PAGE.splitlines()) <= 90
    assert len(MODULES) > 30
    assert len(CLASSES) > 25


@pytest.mark.parametrize("module", MODULES)
def test_a_module_that_is_named_exists(module):
    # `lake.py` alone is named in a sentence about its folder.
    assert (PACKAGE / module).is_file() or list(PACKAGE.rglob(module))


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_that_is_named_exists(folder):
    places = (ROOT, PACKAGE, PACKAGE / "data" / "lake")
    assert any((place / folder).is_dir() for place in places)


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_that_is_named_exists(name):
    assert re.search(rf"^class {name}\b", SOURCE, re.MULTILINE)


def test_a_class_is_where_the_page_says():
    places = re.findall(r"`([A-Z][a-z]\w*)`\s+\(`([\w/]+\.py)`\)", PAGE)
    assert len(places) > 15
    for name, module in places:
        assert f"class {name}" in (PACKAGE / module).read_text("utf-8"), (name, module)


def test_the_layers_are_those_of_the_import_contract():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    contract = next(each for each in contracts["contracts"] if each["type"] == "layers")
    rows = [set(re.findall(r"marketkit\.(\w+)", row)) for row in contract["layers"]]
    table = PAGE.partition("| layer |")[2].partition("\n\n")[0].splitlines()[2:]
    said = [set(re.findall(r"`(\w+)(?:/|\.py)`", line.split("|")[1])) for line in table[:-1]]
    ground = set(re.findall(r"`(\w+)(?:/|\.py)`", table[-1]))
    assert [*said, ground] == rows
