"""The command line in this process, and commands that are made up for a test."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from marketkit.cli import commands
from marketkit.cli.main import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command and give the exit code, the output and the errors."""

    def command(*arguments: object) -> tuple[int, str, str]:
        code = main([str(each) for each in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


@pytest.fixture
def made_up(tmp_path, monkeypatch) -> Callable[[str, str], None]:
    """Add a file to the folder of commands."""
    folder = tmp_path / "commands"
    folder.mkdir()
    monkeypatch.setattr(commands, "__path__", [*commands.__path__, str(folder)])

    def add(name: str, text: str) -> None:
        (folder / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, f"{commands.__name__}.{name}", raising=False)

    return add
