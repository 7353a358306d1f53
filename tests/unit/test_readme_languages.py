"""The README in two languages: the same code, tables, pictures and chapters in the same order."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

import marketkit as mk

ROOT = Path(__file__).parents[2]
ENGLISH = ROOT / "README.md"
KOREAN = ROOT / ".github" / "README.ko.md"
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HANGUL = re.compile(r"[가-힣]")


def blocks(path):
    return CODE.findall(path.read_text("utf-8"))


def shape(path):
    """Give the lines that make the shape of a page: chapters, code, rows of tables, pictures."""
    text = CODE.sub("```", path.read_text("utf-8"))
    kinds = (
        ("## ", "chapter"),
        ("```", "code"),
        ("|", "row"),
        ("![", "picture"),
        ("<!-- ", "mark"),
    )
    return [kind for line in text.splitlines() for start, kind in kinds if line.startswith(start)]


def test_both_have_the_same_code_in_the_same_order():
    assert blocks(ENGLISH) == blocks(KOREAN)


def test_both_have_the_same_chapters_tables_and_pictures_in_the_same_order():
    assert shape(ENGLISH) == shape(KOREAN)


def test_every_korean_paragraph_is_korean():
    prose = CODE.sub("", KOREAN.read_text("utf-8"))
    for paragraph in re.split(r"\n{2,}", prose):
        words = re.sub(r"`[^`]*`|<!--.*?-->|\[English\].*|^# marketkit$|^[|:-]+$", "", paragraph)
        assert not re.search(r"[A-Za-z]{3}", words) or HANGUL.search(words), paragraph


@pytest.mark.parametrize("path", [ENGLISH, KOREAN], ids=["English", "Korean"])
def test_every_file_that_a_page_shows_or_links_is_there(path):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text("utf-8"))
    assert links
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", [ENGLISH, KOREAN], ids=["English", "Korean"])
def test_every_adapter_that_a_page_names_takes_what_the_page_gives(path):
    calls = re.findall(r"`mk\.to\.(\w+)(\([^`]*\))`", CODE.sub("", path.read_text("utf-8")))
    assert len(calls) > 5
    for name, arguments in calls:
        call = ast.parse(f"f{arguments}", mode="eval").body
        given = [ast.unparse(each) for each in call.args]
        inspect.signature(getattr(mk.to, name)).bind(*given)
