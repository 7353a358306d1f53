"""The distribution has one name wherever somebody may install it from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from marketkit.errors import MissingExtra

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
SOURCES = {path: path.read_text("utf-8") for path in (ROOT / "marketkit").rglob("*.py")}


def test_extras_that_stand_for_others_name_the_distribution_itself():
    asked = [each for extra in EXTRAS.values() for each in extra if each.startswith("marketkit")]
    assert asked
    for each in asked:
        name, _, extras = each.rstrip("]").partition("[")
        assert name == PROJECT["name"]
        assert set(extras.split(",")) <= set(EXTRAS)


def test_an_error_about_a_missing_package_names_an_extra_that_brings_it():
    raised = [
        pair
        for text in SOURCES.values()
        for pair in re.findall(r'MissingExtra\("(\w+)", "(\w+)"\)', text)
    ]
    assert len(raised) > 3
    for package, extra in raised:
        assert any(re.match(rf"{package}\b", each) for each in EXTRAS[extra])
        said = str(MissingExtra(package, extra))
        assert f"pip install '{PROJECT['name']}[{extra}]'" in said


def test_nobody_is_told_to_install_the_other_project():
    pages = [ROOT / "README.md", *(ROOT / ".github").glob("*.md")]
    texts = SOURCES | {page: page.read_text("utf-8") for page in pages}
    for path, text in texts.items():
        for name in re.findall(r"(?:pip install '?|`)(marketkit[\w-]*)\[", text):
            assert name == PROJECT["name"], path


def test_versions_are_looked_up_under_the_name_of_the_distribution():
    names = [
        name for text in SOURCES.values() for name in re.findall(r'\bversion\("([\w-]+)"\)', text)
    ]
    assert names
    assert set(names) == {PROJECT["name"]}
