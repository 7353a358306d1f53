"""The object store of a run: Ceph's gateway where `MARKETKIT_CEPH` has it, else moto's server.

The tests start the same two in the same way; a store that is not here ends the run with the line
that installs it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.scale.stores import Server, ceph_packages, moto_python, running


@contextmanager
def store(folder: Path) -> Iterator[tuple[str, Server]]:
    """Start a store, have the environment lead there, and give its name and the server."""
    kind = "ceph" if os.environ.get("MARKETKIT_CEPH") else "moto"
    try:
        program = ceph_packages() if kind == "ceph" else moto_python()
    except (pytest.skip.Exception, pytest.fail.Exception) as missing:
        raise SystemExit(str(missing)) from None
    with running(kind, program, folder) as server:
        for name in [each for each in os.environ if each.startswith("AWS_")]:
            del os.environ[name]  # a store of the person who runs this stays out of it
        os.environ |= server.variables()
        yield kind, server
