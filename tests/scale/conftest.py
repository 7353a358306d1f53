"""Object stores for tests, each started once for a run and ended with it.

`moto` and `ceph` are a `stores.Server` each: moto's server, up in seconds, in memory, and Ceph's
gateway of Debian's packages, up in about 15 seconds, for slow tests. One that is not here skips
with the line that installs it, and fails in CI. `server.bucket()` makes a bucket of a test's own.

`moto_url` is the address of a lake in an empty bucket of moto's (`s3://lake-1f.../lake`), and the
environment of the test leads there, that of programs the test starts as well; `ceph_url` likewise.
`memory` is a `Bucket` in this process, without a server.

`faulty` gives a proxy before a server: `proxy = faulty(moto, script)` has the environment lead
through it. Scripts are functions of a request: `puts(LOST)` of `tests.scale.proxy` drops the answer
to the first PUT after it landed, `by_chance(seed, share)` spoils a share of all requests, and
`lambda _: CARELESS` is a store without conditions. `proxy.script` may be changed meanwhile,
`proxy.asked` has the requests so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from marketkit.data.lake.places.bucket import Bucket
from tests.scale.proxy import PASS, Proxy, Script, proxied
from tests.scale.stores import Server, ceph_packages, moto_python, running


@pytest.fixture(scope="session")
def _base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all workers of a run have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if base.name.startswith("popen-") else base


@pytest.fixture(scope="session")
def moto(_base: Path) -> Iterator[Server]:
    """Moto's server."""
    with running("moto", moto_python(), _base) as server:
        yield server


@pytest.fixture(scope="session")
def ceph(_base: Path) -> Iterator[Server]:
    """Ceph's gateway."""
    with running("ceph", ceph_packages(), _base) as server:
        yield server


@pytest.fixture(autouse=True)
def _no_store_of_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the credentials of the person who runs the tests out of them."""
    for name in ("ENDPOINT_URL", "ENDPOINT_URL_S3", "ENDPOINT", "SESSION_TOKEN", "PROFILE"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)


def _led(monkeypatch: pytest.MonkeyPatch, server: Server, endpoint: str | None = None) -> None:
    for name, value in server.variables(endpoint).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def moto_url(moto: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a lake in an empty bucket of moto's."""
    _led(monkeypatch, moto)
    return f"s3://{moto.bucket()}/lake"


@pytest.fixture
def ceph_url(ceph: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a lake in an empty bucket of Ceph's."""
    _led(monkeypatch, ceph)
    return f"s3://{ceph.bucket()}/lake"


@pytest.fixture
def memory() -> Bucket:
    """A bucket in this process."""
    store = pytest.importorskip("obstore.store")
    return Bucket("memory://bucket/lake", store.MemoryStore())


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Proxy]]:
    """A proxy before a server, through which the environment of the test leads from then on."""
    with ExitStack() as stack:

        def before(server: Server, script: Script = lambda _: PASS) -> Proxy:
            proxy = stack.enter_context(proxied(server.endpoint, script))
            _led(monkeypatch, server, proxy.endpoint)
            return proxy

        yield before
