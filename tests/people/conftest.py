"""A lake, and the command line on it, for the files and machines of people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from marketkit.cli.main import main
from marketkit.data.lake import Lake


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run `marketkit lake ...` on the lake; give the exit code, the output and the errors."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main(["lake", *map(str, arguments), "--lake", str(tmp_path / "lake")])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
