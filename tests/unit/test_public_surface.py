"""What `import marketkit` gives, and what it must not do."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import marketkit as mk
from marketkit import errors

STUB = Path(mk.__file__).with_suffix(".pyi")
HEAVY = {"polars", "pandas", "httpx", "pyarrow", "requests_cache", "websockets", "asyncio", "ssl"}


def test_every_public_name_is_there_and_sorted():
    assert list(mk.__all__) == sorted(mk.__all__)
    assert all(getattr(mk, name) is not None for name in mk.__all__)
    assert dir(mk) == sorted(mk.__all__)


def test_the_stub_says_the_same_names():
    tree = ast.parse(STUB.read_text("utf-8"))
    imported = {
        alias.asname
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assigned = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    }
    assert (imported | assigned) - {"__all__", "_default"} == set(mk.__all__)


def test_every_error_is_public():
    raised = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.MarketkitError)
    }
    assert raised <= set(mk.__all__)


OTHERS = ("data.jobs.job", "api.status", "api.sync")


@pytest.mark.parametrize(
    "module",
    [
        *("data.lake.lake", "api.live.series"),
        *(pytest.param(each, marks=pytest.mark.slow) for each in OTHERS),
    ],
)
@pytest.mark.parametrize("first", ["module", "call"])
def test_calls_are_functions_in_every_order_of_import(module, first):
    """No package of ours takes the name of a call, whatever was imported or used before."""
    steps = [f"import marketkit.{module}", "mk.lake(); mk.jobs(); mk.status()"]
    code = f"""
import inspect
import marketkit as mk
def look():
    return [
        (inspect.signature(call), call.__doc__, call.__name__)
        for call in (mk.lake, mk.jobs, mk.live, mk.status)
    ]
before = look()
{chr(10).join(steps if first == "module" else reversed(steps))}
assert look() == before
for name in mk.__dir__():
    import sys
    assert f"marketkit.{{name}}" not in sys.modules, name
assert [name for _, _, name in before] == ["lake", "jobs", "live", "status"]
assert "symbols" in before[2][0].parameters
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_loads_no_dataframe_library_and_starts_nothing():
    code = "import sys, threading, marketkit; print(threading.active_count(), *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    threads, *modules = done.stdout.split()
    assert threads == "1"
    assert not HEAVY & set(modules)


def test_an_unknown_name_is_an_attribute_error():
    done = subprocess.run(
        [sys.executable, "-c", "import marketkit; marketkit.get_tickerz"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "AttributeError: module 'marketkit' has no attribute 'get_tickerz'" in done.stderr
