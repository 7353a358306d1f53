"""Every block of the README runs as it stands, against a sandbox."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from marketkit.data.jobs.config import read_config
from marketkit.sandbox import Sandbox

README = Path(__file__).resolve().parents[2] / "README.md"
BLOCKS = re.findall(r"(<!-- \w+ -->\n)?```(\w+)\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
# The two marked blocks install and run; `.ci/run` does that in fresh environments.
PYTHON = [code for mark, language, code in BLOCKS if language == "python" and not mark]
SHELL = [code for mark, language, code in BLOCKS if language == "bash" and not mark]


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readme")
    with Sandbox(seed=1, now="2026-11-20T00:00:30Z", speed=0) as exchange:
        yield {
            **os.environ,
            "MARKETKIT_ENDPOINT": exchange.endpoint,
            "MARKETKIT_LAKE": str(folder / "lake"),
            "MARKETKIT_BUDGET_DIR": str(folder / "budget"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }


@pytest.mark.parametrize("code", PYTHON, ids=range(len(PYTHON)))
def test_a_python_block_ends_in_a_printed_frame(code, env):
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=env,
        check=False,
        cwd=Path(env["MARKETKIT_LAKE"]).parent,
    )
    assert done.returncode == 0, done.stderr
    assert "shape: (" in done.stdout


@pytest.mark.parametrize("code", SHELL, ids=range(len(SHELL)))
def test_a_shell_block_runs(code, env):
    done = subprocess.run(
        ["bash", "-euc", code],
        capture_output=True,
        text=True,
        env=env,
        check=False,
        cwd=Path(env["MARKETKIT_LAKE"]).parent,
    )
    assert done.returncode == 0, done.stderr


def test_the_file_for_the_timer_is_one_that_is_understood(tmp_path):
    (text,) = [code for _, language, code in BLOCKS if language == "toml"]
    (tmp_path / "backfill.toml").write_text(text)
    first, second = read_config(tmp_path / "backfill.toml").universe
    assert (first.warning, second.update) == (False, True)


def test_the_readme_has_the_two_commands_that_ci_takes_from_it():
    marked = {mark.strip("<!-> \n"): code for mark, _, code in BLOCKS if mark}
    assert marked.keys() == {"demo", "test"}
    assert all(len(code.strip().splitlines()) == 1 for code in marked.values())
