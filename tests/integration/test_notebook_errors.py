"""Errors as IPython's own shell shows them: two lines, and the whole of it on request."""

from __future__ import annotations

import atexit
import re

import pytest

from marketkit.api.sync import default_provider

pytest.importorskip("IPython")
PLACE = r"Cell In\[\d+\], line %d \(%%tb Verbose shows the whole traceback\)"


@pytest.fixture
def shell(exchange, monkeypatch, tmp_path):
    """A shell of its own, in which `mk` is imported and goes to the sandbox."""
    from IPython.core.interactiveshell import InteractiveShell

    monkeypatch.setenv("MARKETKIT_ENDPOINT", exchange.endpoint)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.delenv("MARKETKIT_TRACEBACK", raising=False)
    default_provider.cache_clear()
    InteractiveShell.clear_instance()
    one = InteractiveShell.instance(colors="nocolor")
    one.history_manager.enabled = False
    one.run_cell("import marketkit as mk", store_history=True)
    try:
        yield one
    finally:
        atexit.unregister(one.atexit_operations)  # a second time it fails
        one.atexit_operations()
        InteractiveShell.clear_instance()
        default_provider().close()
        default_provider.cache_clear()


def shown(shell, capsys, code):
    """Run a cell and give the lines that it shows."""
    capsys.readouterr()
    assert not shell.run_cell(code, store_history=True).success
    return capsys.readouterr().out.strip().splitlines()


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        ("mk.get_candle('KRW-BTC', '1x')", "UnknownTimeframe", "unknown timeframe '1x'"),
        (
            "mk.get_candle('KRW-BTC', '1m', cuont=5)",
            "WrongArgument",
            "get_candle() got an unexpected keyword 'cuont', did you mean 'count'?",
        ),
        ("mk.get_candle('KRW-BTC')", "WrongArgument", "get_candle() needs timeframe"),
        ("mk.get_candle('KRW-BTC', '1d', 200)", "WrongArgument", "write count=200"),
        ("mk.get_ticker('BTC')", "UnknownSymbol", "did you mean 'KRW-BTC'"),
        ("mk.get_ohlcv('KRW-BTC')", "UnknownName", "write mk.get_candle("),
        ("mk.get_candel", "UnknownName", "did you mean 'get_candle'"),
        ("mk.watch('KRW-BTC', 'tick')", "InputError", "did you mean 'ticker'?"),
        ("mk.watch(ticker='KRW-BTC')", "WrongArgument", "watch() got an unexpected keyword"),
        ("mk.lake().read('KRW-BTC', '1m', strat='x')", "WrongArgument", "read() got an"),
        ("mk.configure(tz='KST')", "InputError", "write tz='Asia/Seoul'"),
        ("mk.SmartDataProvider(regoin='kr')", "WrongArgument", "SmartDataProvider() got an"),
        ("mk.read_recording()", "WrongArgument", "read_recording() needs folder"),
        (
            "await mk.AsyncSmartDataProvider().get_candle('KRW-BTC', 'day')",
            "UnknownTimeframe",
            "'1d'",
        ),
        (
            "import pickle; pickle.dumps(mk.live('KRW-BTC', '1m'))",
            "NotPicklable",
            "cannot be pickled",
        ),
    ],
)
def test_an_error_is_two_lines_the_message_and_the_line_of_the_cell(
    shell, capsys, code, kind, said
):
    message, place = shown(shell, capsys, code)
    assert message.startswith(f"{kind}: ")
    assert said in message
    assert re.fullmatch(PLACE % 1, place)


def test_the_place_is_the_callers_own_line_also_inside_of_a_function(shell, capsys):
    code = "def prices():\n    width = '1x'\n    return mk.get_candle('KRW-BTC', width)\n\nprices()"
    assert re.fullmatch(PLACE % 3, shown(shell, capsys, code)[1])


def test_the_whole_traceback_comes_when_it_is_asked_for(shell, capsys, monkeypatch):
    short = shown(shell, capsys, "mk.get_candle('KRW-BTC', '1x')")
    shell.run_line_magic("tb", "Verbose")
    assert len(capsys.readouterr().out.splitlines()) > 20
    assert len(shown(shell, capsys, "mk.get_candle('KRW-BTC', '1x')")) == len(short) == 2
    monkeypatch.setenv("MARKETKIT_TRACEBACK", "full")
    long = shown(shell, capsys, "mk.get_candle('KRW-BTC', '1x')")
    assert len(long) > 10
    assert "marketkit/timeframe.py" in "\n".join(long)


def test_an_error_of_the_callers_own_is_shown_as_ever(shell, capsys):
    assert len(shown(shell, capsys, "def f():\n    1 / 0\n\nf()")) > 5


@pytest.mark.parametrize("use_jedi", [True, False])
def test_tab_shows_calls_and_no_errors(shell, use_jedi):
    from IPython.core.completer import provisionalcompleter

    shell.Completer.use_jedi = use_jedi
    with provisionalcompleter():
        found = [each.text.strip(".") for each in shell.Completer.completions("mk.", 3)]
    assert {"get_candle", "get_ticker", "live", "errors", "schema", "configure"} <= set(found)
    assert not [name for name in found if name.startswith(("Unknown", "Not", "Bad", "Feed"))]
    with provisionalcompleter():
        keywords = [each.text for each in shell.Completer.completions("mk.get_candle(", 14)]
    assert {"count=", "wide=", "start="} <= set(keywords)
