"""The library's stores, one request a call; what they answer is in tests/scale."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from marketkit.data.lake.places import store as module
from marketkit.data.lake.places.address import Address
from marketkit.data.lake.places.bucket import Bucket
from marketkit.data.lake.places.store import Store
from marketkit.errors import LakeError, MissingExtra

stores = pytest.importorskip("obstore.store")
PACKAGE = Path(module.__file__).parents[3]


@pytest.fixture
def store() -> Store:
    return Store(Address("memory", "bucket", "lake"), stores.MemoryStore())


def test_all_keys_are_below_the_folder_of_the_address(store):
    store.put("a/b", b"1", None, "mark")
    Store(Address("memory", "bucket", "lake2"), store.library).put("c", b"2", None, "mark")
    assert [key for key, _ in store.list("")] == ["a/b"]
    whole = Store(Address("memory", "bucket", ""), store.library)
    assert sorted(key for key, _ in whole.list("")) == ["lake/a/b", "lake2/c"]


def test_an_object_is_seen_with_its_mark_and_version(store):
    version = store.put("a", b"0123", None, "mark")
    seen = store.get("a")
    assert (seen.version, seen.mark, seen.content) == (version, "mark", b"0123")
    assert store.get("a", version, 2).content == b"23"
    assert store.head("a")._replace(content=b"0123") == seen


def test_a_copy_has_the_mark_and_takes_any_place(store):
    store.put("a", b"1", None, "mark")
    store.put("b", b"2", None, "other")
    store.copy("a", "b")
    assert (store.get("b").content, store.get("b").mark) == (b"1", "mark")


def test_tags_have_no_quotes_and_conditions_those_that_a_store_wants():
    version = module._version({"size": 3, "e_tag": '"abc"'})
    assert version == (3, "abc")
    for scheme, spelled in (("s3", "abc"), ("az", '"abc"'), ("gs", '"abc"')):
        store = Store(Address(scheme, "bucket", ""), stores.MemoryStore())
        assert store._mode(version) == {"e_tag": spelled}


def test_a_store_that_counts_versions_is_told_the_number(store):
    seen = store_seen(store)._replace(number="17")
    assert store._mode(seen) == {"e_tag": '"0"', "version": "17"}
    assert store._mode(seen._replace(number=None)) == {"e_tag": '"0"'}


def store_seen(store: Store):
    store.put("a", b"1", None, "mark")
    return store.head("a")


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
def test_each_kind_of_store_is_made_without_asking_anybody(scheme, monkeypatch):
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    assert Store(Address(scheme, "bucket", "lake")).counts == (scheme == "gs")


def test_what_the_library_misses_in_the_environment_is_said_in_our_words(monkeypatch):
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(LakeError, match="no credentials in the environment"):
        Bucket("az://container/lake")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")
    with pytest.raises(LakeError, match="set GOOGLE_APPLICATION_CREDENTIALS"):
        Bucket("gs://bucket/lake")


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(MissingExtra, match=r"marketkit-upbit\[s3\]"):
        Bucket("s3://team/upbit")


def test_only_one_module_knows_the_library_and_loads_it_late():
    knowing = [path.name for path in PACKAGE.rglob("*.py") if "import obstore" in path.read_text()]
    assert knowing == ["store.py"]
    look = "import sys, marketkit.data.lake.places.bucket; print('obstore' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
