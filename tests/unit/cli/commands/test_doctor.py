"""`marketkit doctor`: a line for each thing looked at, and an exit code that says how it is."""

from __future__ import annotations

import json

NOWHERE = "http://127.0.0.1:9"


def test_nobody_at_the_endpoint_is_bad_and_all_else_is_told(run, tmp_path):
    code, out, err = run("doctor", "--endpoint", NOWHERE, "--lake", tmp_path / "lake")
    assert (code, err) == (1, "")
    checks = {line.split()[1]: line.split()[0] for line in out.splitlines()}
    assert checks["exchange"] == "bad"
    assert checks["lake"] == "good"


def test_programs_get_the_same_as_json(run, tmp_path, monkeypatch):
    monkeypatch.setenv("MARKETKIT_OFFLINE", "1")
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")
    code, out, _ = run("doctor", "--endpoint", NOWHERE, "--lake", tmp_path / "lake", "--json")
    rows = json.loads(out)
    assert code == 0
    assert {"state": "note", "check": "exchange"}.items() <= rows[-4].items()
    assert set(rows[0]) == {"state", "check", "detail", "do"}
