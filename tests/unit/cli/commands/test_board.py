"""`marketkit board`: prices for people."""

from __future__ import annotations

import pytest


def test_a_board_is_not_for_programs(run, capsys):
    with pytest.raises(SystemExit) as ended:
        run("board", "--json")
    assert ended.value.code == 2
    assert "--json makes no difference here" in capsys.readouterr().err


def test_a_wrong_number_of_rows_is_bad_usage(run, capsys):
    with pytest.raises(SystemExit) as ended:
        run("board", "--rows", "0")
    assert ended.value.code == 2
    assert "0 is not above zero" in capsys.readouterr().err
