"""The public names of the sandbox."""

from __future__ import annotations

import subprocess
import sys

import pytest

from marketkit import sandbox


def test_every_public_name_is_there():
    assert sandbox.__all__ == sorted(sandbox.__all__)
    assert all(getattr(sandbox, name) is not None for name in sandbox.__all__)


def test_any_other_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Sandbax"):
        sandbox.Sandbax  # noqa: B018 - asking is what is tried


def test_importing_it_loads_neither_frames_nor_a_server():
    code = "import sys, marketkit.sandbox; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"polars", "uvicorn", "numpy"} & set(done.stdout.split())
