"""Object stores that tests run against: started once for all workers of a run, ended with it."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.request import Request, urlopen

import pytest
from filelock import FileLock

from tests.scale.ceph import KEY, SECRET
from tests.waiting import PATIENCE

ROOT = Path(__file__).resolve().parents[2]

_MOTO = "python3 -m venv moto && moto/bin/pip install 'moto[server]>=5.2'; MARKETKIT_MOTO=moto/bin/moto_server"
_CEPH = ".ci/ceph ceph; MARKETKIT_CEPH=ceph"


_KEEPERS: list[subprocess.Popen[bytes]] = []  # those that this process started


class Server(NamedTuple):
    """A server of objects: the address, and how its buckets are made."""

    endpoint: str

    def variables(self, endpoint: str | None = None) -> dict[str, str]:
        """Give the environment of a client, of the server or of a proxy before it."""
        return {
            "AWS_ENDPOINT_URL": endpoint or self.endpoint,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }

    def bucket(self) -> str:
        """Make a bucket that is nobody else's, and give the name."""
        import obstore
        from obstore.store import S3Store

        name = f"lake-{secrets.token_hex(6)}"
        store = S3Store(
            name,
            endpoint=self.endpoint,
            access_key_id=KEY,
            secret_access_key=SECRET,
            region="us-east-1",
            client_options={"allow_http": True},
        )
        url = obstore.sign(store, "PUT", "", timedelta(minutes=5))
        urlopen(Request(url, method="PUT"), timeout=PATIENCE).close()
        return name


def moto_python() -> str:
    """Find the Python of moto's environment; where there is none, skip, or fail in CI.

    `MARKETKIT_MOTO` may name it, or the program `moto_server` beside it.
    """
    told = os.environ.get("MARKETKIT_MOTO") or shutil.which("moto_server") or ""
    python = Path(told).with_name("python").absolute()  # a link to a Python is its environment
    if told and python.exists() and _has_moto(python):
        return str(python)
    return _missing("moto's server", _MOTO)


def _has_moto(python: Path) -> bool:
    look = "import sys, importlib.util as util; sys.exit(util.find_spec('moto') is None)"
    return not subprocess.run([python, "-c", look], check=False, capture_output=True).returncode


def ceph_packages() -> str:
    """Find Ceph's packages, unpacked or installed; where there are none, skip, or fail in CI."""
    for each in (os.environ.get("MARKETKIT_CEPH", ""), "/"):
        if each and Path(each, "usr/bin/radosgw").exists():
            return str(Path(each).resolve())
    return _missing("Ceph's gateway", _CEPH)


def _missing(what: str, line: str) -> str:
    words = f"no {what} here: {line}"
    if os.environ.get("CI") and os.environ.get("MARKETKIT_STORES") != "optional":
        pytest.fail(f"{words} (CI must have it, or say MARKETKIT_STORES=optional)")
    pytest.skip(words)


@contextmanager
def running(kind: str, program: str, base: Path) -> Iterator[Server]:
    """Use the run's server of a kind: whoever comes first starts it, whoever leaves last ends it."""
    lock, folder = FileLock(base / f"{kind}.lock"), base / kind
    with lock:
        users = folder / "users"
        if not users.exists():
            folder.mkdir()
            _begin(kind, program, folder)
        users.write_text(f"{_count(users) + 1}")
        words = (folder / "address").read_text()
    try:
        if words.startswith("failed"):
            pytest.fail(words)
        yield Server(words)
    finally:
        with lock:
            users.write_text(f"{_count(users) - 1}")
            if not _count(users):
                _end(folder)


def _count(users: Path) -> int:
    return int(users.read_text()) if users.exists() else 0


def _begin(kind: str, program: str, folder: Path) -> None:
    # Of a run by several workers the process that started them lives as long as all.
    pid = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    command = [sys.executable, "-m", "tests.scale.keeper", kind, program, str(folder), str(pid)]
    keeper = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    _KEEPERS.append(keeper)
    while not (folder / "address").exists():
        if keeper.poll() is not None:
            (folder / "address").write_text(f"failed: the keeper ended with {keeper.returncode}")
        time.sleep(0.05)


def _end(folder: Path) -> None:
    (folder / "stop").touch()
    end = time.monotonic() + PATIENCE
    while not (folder / "ended").exists() and time.monotonic() < end:
        time.sleep(0.02)
    for each in _KEEPERS:
        each.poll()
    shutil.rmtree(folder, ignore_errors=True)
