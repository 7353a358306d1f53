"""Charts as methods of frames, and what loading them costs nobody."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import marketkit as mk
from marketkit.frames import finish
from tests.unit.notebook.charts.test_depth import book

pytest.importorskip("plotly")


def test_a_frame_of_either_kind_draws_its_candles(hour):
    pytest.importorskip("pandas")
    frames = [hour, hour.lazy(), finish(hour, frame="pandas", tz="UTC", index=["time"])]
    expected = mk.plot.candles(hour, log=True).figure
    for frame in frames:
        assert frame.mk.plot.candles(log=True).figure == expected


def test_every_chart_is_a_method_with_the_arguments_of_the_function(hour):
    names = set(mk.plot.__all__) - {"Chart"}
    for name in names:
        method = getattr(hour.mk.plot, name)
        (_, *rest) = inspect.signature(getattr(mk.plot, name)).parameters
        assert list(inspect.signature(method).parameters) == rest
        assert method.__doc__ == getattr(mk.plot, name).__doc__


def test_without_a_name_the_chart_that_fits_is_drawn(hour):
    assert hour.mk.plot().figure == mk.plot.candles(hour).figure
    assert book().mk.plot(theme="dark").figure == mk.plot.depth(book(), theme="dark").figure


def run(code):
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout.split()


def test_a_frame_that_was_there_before_marketkit_has_the_methods():
    assert run("import polars as pl, marketkit; print(pl.DataFrame().mk is not None)") == ["True"]


def test_a_pandas_frame_has_them_as_soon_as_marketkit_made_one_or_draws():
    pytest.importorskip("pandas")
    code = "import pandas as pd, marketkit as mk; mk.plot; print(hasattr(pd.DataFrame, 'mk'))"
    assert run(code) == ["True"]
    code = (
        "import sys, polars as pl; from marketkit.frames import finish\n"
        "assert 'pandas' not in sys.modules\n"
        "made = finish(pl.DataFrame({'a': [1]}), frame='pandas', tz='UTC', index=['a'])\n"
        "print(hasattr(made, 'mk'))"
    )
    assert run(code) == ["True"]


def test_nothing_of_plotly_is_loaded_before_a_chart_is_wanted():
    code = (
        "import sys, marketkit as mk; before = set(sys.modules); mk.plot.candles; mk.get_candle\n"
        "print(*sys.modules)"
    )
    assert not {"plotly", "pandas", "kaleido", "narwhals"} & set(run(code))
