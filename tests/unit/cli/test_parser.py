"""Commands are found by the parser, and cost nothing before they are called."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import re
import shlex
import subprocess
import sys

import pytest

import marketkit
from marketkit.cli import commands
from marketkit.cli.command import SHARED, Command, Family
from marketkit.cli.main import main
from marketkit.cli.parser import build_parser, fill, find_commands

MADE_UP = '''"""A command that is not there."""

from marketkit.cli.command import Command


def _arguments(command):
    command.add_argument("--word", default="nothing")


def _run(options, output):
    output.say(f"said {options.word}")
    output.value(word=options.word)
    return 3


COMMAND = Command("made-up", "Say a word.", _run, _arguments)
'''
COMMANDS = {
    " ".join([each.name] if isinstance(each, Command) else [each.name, member.name]): member
    for each in find_commands()
    for member in (each.members if isinstance(each, Family) else (each,))
}
CALLS = [call.split() for call in COMMANDS]
SENTENCES = re.compile(r"[A-Z0-9].*[.!?]", re.DOTALL)


def parser_of(call: list[str]) -> argparse.ArgumentParser:
    """Give the parser of a command with all of its arguments."""
    parser = fill(build_parser(find_commands()))
    for name in call:
        (below,) = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
        parser = below.choices[name]
    return parser


def test_one_file_with_the_signature_is_a_command(run, made_up, capsys):
    made_up("made_up", MADE_UP)
    assert run("made-up", "--word", "hello") == (3, "said hello\n", "")
    assert run("made-up", "--json") == (3, '{"word": "nothing"}\n', "")
    assert "made-up" in build_parser(find_commands()).format_help()
    assert "Say a word." in build_parser(find_commands()).format_help()
    with pytest.raises(SystemExit) as ended:
        run("made-up", "--help")
    assert ended.value.code == 0
    assert "--word" in capsys.readouterr().out


def test_a_module_of_commands_has_one_that_is_called_as_the_module():
    for module in pkgutil.iter_modules(commands.__path__):
        found = importlib.import_module(f"{commands.__name__}.{module.name}").COMMAND
        assert isinstance(found, Command | Family)
        assert found.name == module.name


def test_commands_are_sorted_and_none_is_there_twice():
    names = [each.name for each in find_commands()]
    assert names == sorted(set(names))
    assert {"backfill", "candles", "demo", "jobs", "lake", "record", "watch"} < set(names)


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_a_command_says_its_arguments_and_the_exit_codes(call, run, capsys):
    with pytest.raises(SystemExit) as ended:
        run(*call, "--help")
    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert f"usage: marketkit {' '.join(call)}" in out
    assert "exit codes" in out


def test_the_options_that_all_share_are_not_those_of_the_sandbox(run, capsys):
    with pytest.raises(SystemExit):
        run("sandbox", "--help")
    said = capsys.readouterr().out
    assert "--history" in said
    assert "--region" not in said
    with pytest.raises(SystemExit):
        run("ticker", "--help")
    assert "--region" in capsys.readouterr().out


def test_alone_it_says_what_it_can_do_and_how_to_begin(run):
    code, out, _ = run()
    assert code == 0
    assert out.index("marketkit demo") < out.index("exit codes")
    assert all(each.name in out for each in find_commands())


def test_the_version_is_told(run, capsys):
    with pytest.raises(SystemExit) as ended:
        run("--version")
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"marketkit {marketkit.__version__}\n"


def test_shared_options_are_taken_before_and_after_a_command():
    parser = build_parser(find_commands())
    before = parser.parse_args(["--json", "--lake", "a", "ticker", "KRW-BTC"])
    after = parser.parse_args(["ticker", "KRW-BTC", "--json", "--lake", "a"])
    assert vars(before) == vars(after)
    assert before.json
    for words in (["--lake", "a", "lake", "ls"], ["lake", "--lake", "a", "ls"]):
        assert str(parser.parse_args(words).lake) == "a"
    later = parser.parse_args(["--lake", "a", "lake", "--lake", "c", "ls", "--lake", "b"])
    assert (str(later.lake), later.json, later.endpoint) == ("b", False, None)


@pytest.mark.parametrize("arguments", [("nothing",), ("lake",), ("ticker",)])
def test_an_incomplete_command_line_is_bad_usage(run, arguments):
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    assert ended.value.code == 2


def test_help_loads_nothing_that_is_slow():
    code = """
import contextlib, io, sys
from marketkit.cli.main import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main(["--help"])
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    heavy = {"polars", "pandas", "httpx", "pyarrow", "websockets", "asyncio", "sqlite3", "logging"}
    assert not loaded & heavy
    ours = {name.split(".")[1] for name in loaded if name.startswith("marketkit.")}
    assert ours == {"cli", "disk", "errors", "notebook"}
    letters = {name for name in loaded if name.startswith("marketkit.notebook.")}
    assert letters == {"marketkit.notebook.encoding"}  # of the output


def test_a_start_that_counts_back_is_a_value_and_no_option():
    parser = build_parser(find_commands())
    for form in (["--start", "-30d"], ["--start=-30d"]):
        options = parser.parse_args(["candles", "KRW-BTC", *form, "--end", "-1d"])
        assert (options.symbols, options.start, options.end) == (["KRW-BTC"], "-30d", "-1d")


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_a_command_and_its_options_are_described_in_sentences(call):
    parser, command = parser_of(call), COMMANDS[" ".join(call)]
    assert SENTENCES.fullmatch(parser.description)
    for action in parser._actions[1:]:  # argparse describes the first, --help, itself
        if action.help != argparse.SUPPRESS:
            what = action.option_strings or action.dest
            assert action.help, what
            assert SENTENCES.fullmatch(action.help) or action.help[0] in "-{", what
    for code, said in command.codes.items():
        assert SENTENCES.fullmatch(said), code
        assert said in parser.format_help()


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_a_command_has_an_example_that_can_be_called(call):
    command = COMMANDS[" ".join(call)]
    assert command.example in parser_of(call).format_help()
    words = shlex.split(command.example.partition(" > ")[0])
    assert words[: len(call) + 1] == ["marketkit", *call]
    options = build_parser(find_commands()).parse_args(words[1:])
    assert options.run is command.run


@pytest.mark.parametrize("family", ["lake", "jobs"])
def test_a_family_has_an_example_and_the_exit_codes(family):
    said = parser_of([family]).format_help()
    assert f"marketkit {family} ls" in said
    assert "exit codes" in said


GIVEN = {"json": [], "lake": ["a"], "endpoint": ["http://127.0.0.1:9"], "region": ["kr"]}
UNUSED = [(call, name) for call in COMMANDS for name in SHARED if name not in COMMANDS[call].uses]


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize(("call", "name"), UNUSED)
def test_a_shared_option_that_makes_no_difference_is_refused(call, name, before, capsys):
    words = shlex.split(COMMANDS[call].example.partition(" > ")[0])[1:]
    option = [f"--{name}", *GIVEN[name]]
    with pytest.raises(SystemExit) as ended:
        main([*option, *words] if before else [*words, *option])
    assert ended.value.code == 2
    assert f"--{name} makes no difference here: leave it out" in capsys.readouterr().err


def test_the_lake_of_the_sandbox_may_be_named_before_it_and_a_second_history_is_refused(tmp_path):
    parser = build_parser(find_commands())
    assert str(parser.parse_args(["--lake", "a", "sandbox"]).lake) == "a"
    assert str(parser.parse_args(["--lake", "a", "sandbox", "--lake", "b"]).lake) == "b"
    assert main(["--lake", str(tmp_path), "sandbox", "--history", str(tmp_path)]) == 2


def test_half_an_option_is_none(run, capsys):
    with pytest.raises(SystemExit):
        run("ticker", "KRW-BTC", "--end", "2026-01-01")  # never --endpoint
    assert "unrecognized arguments: --end" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("plan", "KRW-BTC", "--ordr", "newest"), "did you mean '--order'"),
        (("watch", "KRW-BTC", "--cuont=3"), "did you mean '--count'"),
        (("lake", "ls", "KRW-BTC"), "unrecognized arguments: KRW-BTC; see --help"),
        (("--versoin",), "did you mean '--version'"),
        (("watch",), "required: symbols; for example: marketkit watch KRW-BTC"),
        (("lake",), "required: view; for example: marketkit lake ls"),
    ],
)
def test_a_slip_is_told_with_the_nearest_option_and_the_usage_of_the_command(
    run, capsys, arguments, said
):
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    err = capsys.readouterr().err
    assert ended.value.code == 2
    assert said in err
    called = [word for word in arguments[:2] if word in {"plan", "watch", "lake", "ls"}]
    assert err.startswith(f"usage: {' '.join(['marketkit', *called])}")
