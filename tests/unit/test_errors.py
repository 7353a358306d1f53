"""The error tree is the one its module draws, and every leaf can be raised and caught."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import threading
import warnings
import weakref
from pathlib import Path

import polars as pl
import pytest

from marketkit import errors
from marketkit.errors import (
    MarketkitError,
    MissingExtra,
    NetworkError,
    PartialResult,
    RateLimited,
    Refused,
    TimedOut,
    UnknownSymbol,
    nearest,
    plain,
    remembering_caller,
    warn,
    without_frames,
)
from marketkit.timeframe import parse_timeframe
from tests.waiting import PATIENCE

CLASSES = {
    name: each
    for name, each in vars(errors).items()
    if isinstance(each, type) and issubclass(each, BaseException) and not issubclass(each, Warning)
}
OF_TWO_PARTS = {
    "UnknownSymbol": ("KRW-BCT",),
    "Refused": ("no", 400),
    "PartialResult": (pl.DataFrame(), {"KRW-BTC": RateLimited("slow")}),
    "MissingExtra": ("pandas", "pandas"),
}


def drawn():
    """Read the drawing: each name with its parent and the builtin beside it."""
    stack, found = [], {}
    for line in errors.__doc__.splitlines():
        match = re.match(
            r"^(?P<rails>[│├└─ ]*)(?P<name>[A-Z]\w+)(?: \((?P<builtin>\w+)\))?(?:  |$)", line
        )
        if match is None:
            continue
        depth = len(match["rails"]) // 4
        del stack[depth:]
        found[match["name"]] = (stack[-1] if stack else "Exception", match["builtin"])
        stack.append(match["name"])
    return found


def real():
    """Say the same of the classes."""
    return {
        name: (
            each.__bases__[0].__name__,
            each.__bases__[1].__name__ if each.__bases__[1:] else None,
        )
        for name, each in CLASSES.items()
    }


def test_the_drawn_tree_is_the_real_tree():
    assert drawn() == real()
    assert len(drawn()) > 20


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_error_is_caught_by_the_root_by_its_base_and_by_its_builtin(name):
    made = CLASSES[name](*OF_TWO_PARTS.get(name, ("what happened",)))
    for base in (MarketkitError, *CLASSES[name].__bases__):
        with pytest.raises(base) as caught:
            raise made
        assert caught.value is made
    assert str(made)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_error_says_in_a_sentence_what_it_means(name):
    assert CLASSES[name].__doc__.strip().endswith(".")


def test_no_error_of_marketkit_is_taken_for_the_end_of_the_program():
    assert not any(issubclass(each, KeyboardInterrupt | SystemExit) for each in CLASSES.values())


def test_an_unknown_symbol_names_the_nearest_ones_and_keeps_the_symbol():
    failure = UnknownSymbol("KRW-BCT", ["KRW-BTC", "USDT-DOGE"])
    assert str(failure) == "unknown symbol 'KRW-BCT'; did you mean 'KRW-BTC'?"
    assert failure.symbol == "KRW-BCT"


def test_a_refusal_keeps_its_status():
    assert Refused("bad unit", 400).status == 400


def test_a_partial_result_carries_the_frame_and_the_failures():
    frame = pl.DataFrame({"symbol": ["KRW-BTC"]})
    failures = {"KRW-ETH": TimedOut("too slow"), "KRW-XRP": RateLimited("429")}
    failure = PartialResult(frame, failures)
    assert failure.frame is frame
    assert failure.failures == failures
    assert failure.failures is not failures
    assert str(failure) == "KRW-ETH: too slow and 1 more; .frame has the symbols that were got"


def test_a_partial_result_of_one_failure_counts_no_more():
    assert " more" not in str(PartialResult(pl.DataFrame(), {"KRW-ETH": TimedOut("too slow")}))


def test_a_missing_extra_says_what_to_install():
    assert str(MissingExtra("pandas", "pandas")) == (
        "pandas is not installed: pip install 'marketkit-upbit[pandas]'"
    )


def test_nearest_gives_at_most_three_and_nothing_for_strangers():
    known = ["KRW-BTC", "KRW-BTT", "KRW-BTG", "KRW-BTM", "USDT-DOGE"]
    assert nearest("KRW-BTX", known).count("KRW-") == 3
    assert nearest("frame", known) == ""
    assert nearest("KRW-BTX", []) == ""


def test_a_notebook_is_shown_the_message_and_the_callers_line_and_nothing_of_ours():
    with pytest.raises(errors.MarketkitError) as caught:
        parse_timeframe("1x")
    message, place = caught.value._render_traceback_()
    assert message.startswith("UnknownTimeframe: unknown timeframe '1x'")
    assert place.startswith(f"{__file__}, line ")
    two = errors.NotPicklable("Job")._render_traceback_()
    assert len(two) == 2
    assert not any("\n" in line for line in two)


def test_a_wrong_argument_and_an_unknown_name_are_the_builtin_errors_too():
    assert issubclass(errors.WrongArgument, TypeError)
    assert issubclass(errors.UnknownName, AttributeError)
    assert str(errors.UnknownSymbol("x", ["KRW-BTC"], hint=": say more")).endswith("'x': say more")


def ours(source: str) -> dict:
    """Run source as if it were a module of marketkit, and give what it defines."""
    names = {"__name__": "marketkit.made_up", "warn": warn, "asyncio": asyncio}
    exec(compile(inspect.cleandoc(source), "made_up.py", "exec"), names)  # noqa: S102
    return names


DEEP = ours("""
    def call(text, kind=UserWarning):
        inner(text, kind)

    def inner(text, kind):
        warn(text, kind)

    async def on_a_loop(text):
        await asyncio.sleep(0)
        await asyncio.to_thread(inner, text, UserWarning)
""")


def line_of(words: str) -> int:
    """Give the number of the one line of this file that ends with a comment of these words."""
    lines = Path(__file__).read_text("utf-8").splitlines()
    (number,) = [at for at, line in enumerate(lines, 1) if line.endswith(f"# {words}")]
    return number


@pytest.fixture
def loop():
    """A loop on a thread of its own."""
    there = asyncio.new_event_loop()
    thread = threading.Thread(target=there.run_forever)
    thread.start()
    yield there
    there.call_soon_threadsafe(there.stop)
    thread.join()
    there.close()


def test_a_warning_names_the_line_outside_of_marketkit_however_deep_it_is_raised():
    with pytest.warns(UserWarning, match="careful") as told:
        DEEP["call"]("careful")  # from here
    assert (told[0].filename, told[0].lineno) == (__file__, line_of("from here"))


def test_a_warning_of_another_thread_names_the_line_that_had_it_started(loop):
    def start():
        with remembering_caller():  # started here
            return asyncio.run_coroutine_threadsafe(DEEP["on_a_loop"]("from afar"), loop)

    with pytest.warns(UserWarning, match="from afar") as told:
        start().result(PATIENCE)
    assert (told[0].filename, told[0].lineno) == (__file__, line_of("started here"))


@pytest.mark.parametrize("kind", [MarketkitError, MissingExtra, TimedOut])
def test_no_message_moves_a_cursor_or_turns_the_way_of_reading(kind):
    hostile = "a\x1b[2J\x00\u202eb\r"
    error = kind(hostile, "extra") if kind is MissingExtra else kind(f"{hostile}\nsecond line")
    lines = str(error).split("\n")
    assert all(line.isprintable() for line in lines)
    assert lines[0].startswith(r"a\x1b[2J\x00\u202eb\r")
    assert len(lines) == (1 if kind is MissingExtra else 2)


def test_what_would_move_the_cursor_is_spelled_out_and_what_is_long_is_cut():
    assert plain("a\x1b[2J\nb\u202ec\u3000d") == r"a\x1b[2J\nb\u202ec d"
    assert plain("비트코인 BTC") == "비트코인 BTC"
    assert plain("\x1b" * 1_000_000, 2) == r"\x1b\x1b…"


def test_a_warning_that_nobody_outside_waits_for_is_given_all_the_same(loop):
    with pytest.warns(UserWarning, match="alone"):
        asyncio.run_coroutine_threadsafe(DEEP["on_a_loop"]("alone"), loop).result(PATIENCE)


def test_the_same_warning_is_shown_once_a_line_and_a_deprecation_in_scripts_alone():
    with warnings.catch_warnings(record=True) as told:
        warnings.resetwarnings()
        warnings.simplefilter("default")
        for _ in range(3):
            DEEP["call"]("said once")
        DEEP["call"]("said once")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("default", category=DeprecationWarning, module="__main__")
        DEEP["call"]("old", DeprecationWarning)
        script = {"__name__": "__main__", "call": DEEP["call"], "kind": DeprecationWarning}
        exec("call('older', kind)", script)  # noqa: S102
    assert [str(each.message) for each in told] == ["said once", "said once", "older"]


def test_every_warning_of_the_library_is_given_by_this_one_function():
    package = Path(errors.__file__).parent
    uses = [
        f"{path.relative_to(package).as_posix()}:{node.lineno}"
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node).startswith("warnings.warn")
    ]
    assert [use.partition(":")[0] for use in uses] == ["errors.py", "errors.py"]


def test_a_failure_that_is_kept_knows_no_frames_and_all_that_led_to_it():
    class Large:
        pass

    def fail():
        large = Large()
        seen.append(weakref.ref(large))
        try:
            try:
                int(large)
            except TypeError as number:
                raise ValueError("a body") from number
        except ValueError:
            raise NetworkError("the connection broke")  # noqa: B904 - a context is meant

    seen, kept = [], []
    try:
        fail()
    except NetworkError as failure:
        kept.append(without_frames(failure))
    assert seen[0]() is None
    (failure,) = kept
    assert str(failure) == "the connection broke"
    assert str(failure.__context__) == "a body"
    assert isinstance(failure.__context__.__cause__, TypeError)
