"""`marketkit demo` on an exchange that is already there."""

from __future__ import annotations

from marketkit.cli.main import main
from marketkit.sandbox import Sandbox


def test_the_demonstration_ends_complete_and_asks_nothing_twice(tmp_path, capsys):
    with Sandbox(seed=1) as exchange:
        code = main(["demo", "--live", "--endpoint", exchange.endpoint, "--lake", str(tmp_path)])
    said = capsys.readouterr().out
    assert code == 0
    assert "2,880 slots" in said
    assert "0 requests sent" in said
