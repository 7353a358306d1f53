"""What `import marketkit` gives, and what it must not do."""

from __future__ import annotations

import ast
import itertools
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


def test_a_person_at_a_prompt_sees_calls_and_where_the_rest_is():
    shown = dir(mk)
    assert shown == sorted(shown)
    assert set(shown) <= set(mk.__all__)
    rest = [name for name in shown if not callable(getattr(mk, name))]
    assert set(rest) == {"__version__", "with_response", *mk._MODULES}
    assert [name for name in shown if name[0].isupper()] == [
        "AsyncSmartDataProvider",
        "SmartDataProvider",
    ]
    assert not raised() & set(shown)
    assert set(mk._DEFAULT) <= set(shown)


def test_errors_are_in_their_module_and_under_their_old_names():
    assert mk.errors is errors
    assert all(getattr(mk, name) is getattr(mk.errors, name) for name in raised())


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


def raised():
    """Name all errors."""
    return {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.MarketkitError)
    }


def test_every_error_is_public():
    assert raised() <= set(mk.__all__)


MODULES = ("data.lake.lake", "api.live.series", "data.jobs.job", "api.status", "api.sync")
ORDERS = list(itertools.product(("module", "call"), MODULES))
QUICK = [("call", "data.lake.lake"), ("module", "api.live.series")]


@pytest.mark.parametrize(
    ("first", "module"),
    [each if each in QUICK else pytest.param(*each, marks=pytest.mark.slow) for each in ORDERS],
)
def test_calls_are_functions_in_every_order_of_import(first, module):
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
for name in set(mk.__dir__()) - set(mk._MODULES):
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


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("get_tickerz", "; did you mean 'get_ticker'"),
        ("get_ohlcv", ": write mk.get_candle(symbols, timeframe, count=200)"),
        ("get_current_price", ": write mk.get_ticker(symbols)"),
        ("zzzz", ""),
    ],
)
def test_an_unknown_name_is_an_attribute_error_that_says_what_is_meant(name, said):
    with pytest.raises(AttributeError) as caught:
        getattr(mk, name)
    assert str(caught.value).startswith(f"module 'marketkit' has no attribute {name!r}{said}")
    assert isinstance(caught.value, mk.UnknownName)
    assert not hasattr(mk, name)


def test_a_machine_that_looks_for_a_hook_gets_a_plain_error():
    with pytest.raises(AttributeError) as caught:
        _ = mk._repr_html_
    assert type(caught.value) is AttributeError
