"""The names of frozen sets in a bucket."""

from __future__ import annotations

import json

import pytest

from marketkit.errors import CorruptFile, InputError, NewerFormat


def names_of(folder):
    (path,) = (key for key in folder.copies("tables/names/"))
    return path


def test_a_lake_without_sets_has_no_names(folder):
    state = folder.sets.state()
    assert (state.sets, state.latest, state.tip.version) == ({}, None, -1)
    with pytest.raises(InputError, match="no frozen set is called 'a'"):
        state.named("a")


def test_a_name_leads_to_the_version_and_the_summary(folder):
    told = folder.freeze("study-a")
    named = folder.sets.state().named("study-a")
    assert (named.version, named.summary) == (0, told)
    with pytest.raises(InputError, match="did you mean 'study-a'"):
        folder.sets.state().named("study-b")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 1, "sets": 7}'])
def test_names_that_make_no_sense_are_told(folder, content):
    folder.freeze("a")
    key = names_of(folder)
    folder.place.put(key, content, folder.place.read(key)[1])
    with pytest.raises(CorruptFile, match="does not tell the frozen sets"):
        folder.sets.state()


def test_names_that_are_missing_are_told(folder):
    folder.freeze("a")
    key = names_of(folder)
    folder.place.delete(key, folder.place.read(key)[1])
    with pytest.raises(CorruptFile, match="is missing"):
        folder.sets.state()


def test_names_of_a_later_marketkit_are_refused(folder):
    folder.freeze("a")
    key = names_of(folder)
    content, version = folder.place.read(key)
    folder.place.put(key, json.dumps({**json.loads(content), "format": 9}).encode(), version)
    with pytest.raises(NewerFormat, match="update it"):
        folder.sets.state()
