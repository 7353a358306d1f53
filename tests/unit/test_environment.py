"""The environment of the tests themselves: it changes, and stays where it is."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="glibc's variables are meant")


def test_names_come_and_go_and_the_variables_stay_where_they_are(monkeypatch):
    library = ctypes.CDLL(None)
    library.getenv.restype = ctypes.c_char_p
    place = ctypes.c_void_p.in_dll(library, "environ")
    before, at = dict(os.environ), place.value
    names = [f"MARKETKIT_NAMED_{number}" for number in range(300)]
    with monkeypatch.context() as patch:
        for name in names:
            patch.setenv(name, name.lower())
        patch.setenv(names[7], "anew")
        patch.delenv(names[0])
        assert place.value == at
        assert library.getenv(names[0].encode()) is None
        assert library.getenv(names[7].encode()) == b"anew"
        assert library.getenv(names[299].encode()) == b"marketkit_named_299"
        said = subprocess.run(["env"], capture_output=True, text=True, check=True)
        assert {f"{names[7]}=anew", f"{names[299]}=marketkit_named_299"} < set(
            said.stdout.splitlines()
        )
        assert f"{names[0]}=" not in said.stdout
    assert place.value == at
    assert dict(os.environ) == before
    assert all(library.getenv(name.encode()) is None for name in names)
    assert all(library.getenv(name) == value for name, value in os.environb.items())
