"""All that data depends on is looked at once, and what is wrong is named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from marketkit.api.doctor import _clock, as_frame
from marketkit.api.findings import FINDINGS, Finding
from marketkit.coverage import Spans
from marketkit.errors import NewerFormat
from marketkit.schema import ROW, empty
from marketkit.timeframe import parse_time
from tests.unit.api.conftest import LISTED

START = parse_time("2026-01-01")


def warned(*symbols):
    """Spell a market list that warns of some."""
    rows = [
        f'{{"market":"{each}","market_event":{{"warning":{str(each in symbols).lower()}}}}}'
        for each in LISTED
    ]
    return f"[{','.join(rows)}]".encode()


def found(provider):
    """Give what was found, by check."""
    frame = provider.doctor()
    assert dict(frame.schema) == dict(FINDINGS)
    assert all(bool(do) == (state != "good") for state, _, _, do in frame.iter_rows())
    checks = {}
    for row in frame.iter_rows(named=True):
        checks.setdefault(row["check"], []).append((row["state"], row["detail"]))
    return checks


def keep(provider, symbol):
    provider.lake().append(symbol, "1d", empty(ROW), Spans([(START, START + 86_400_000)]))


def test_without_a_lake_all_is_good(provider, exchange, monkeypatch):
    monkeypatch.setenv("MARKETKIT_OFFLINE", "0")
    checks = found(provider)
    assert {state for each in checks.values() for state, _ in each} <= {"good", "note"}
    assert exchange.endpoint in checks["settings"][0][1]
    assert "MARKETKIT_OFFLINE" in checks["settings"][-1][1]
    assert checks["exchange"] == [("good", "4 markets are listed")]
    assert exchange.paths() == ["/market/all"]
    assert not provider.lake().root.exists()


def test_a_slip_in_the_name_of_a_variable_is_looked_at(provider, monkeypatch):
    monkeypatch.setenv("MARKETKIT_LAKES", "x")
    monkeypatch.setenv("MARKETKIT_SOMEBODY_ELSES", "x")
    monkeypatch.setenv("MARKETKIT_TRACEBACK", "ful")
    slips = [said for state, said in found(provider)["settings"] if state == "look"]
    assert slips == [
        "MARKETKIT_TRACEBACK is not full",
        "MARKETKIT_LAKES is no setting; did you mean 'MARKETKIT_LAKE'?",
    ]


def test_what_the_lake_lacks_of_markets_that_are_announced_to_end_is_named(provider, exchange):
    exchange.bodies["/market/all"] = warned("KRW-ETH", "KRW-XRP")
    keep(provider, "KRW-ETH")
    checks = found(provider)
    (first, second) = checks["endings"]
    assert first[0] == "look"
    assert first[1].startswith("KRW-ETH 1d is announced to end, and")
    assert second == (
        "note",
        "1 markets are announced to end of which the lake has no series: KRW-XRP",
    )
    status = provider.status()
    assert status.lacking["symbol"].to_list() == ["KRW-ETH", "KRW-XRP"]
    assert "endings      KRW-ETH 1d lacks" in repr(status)
    assert status.as_dict()["lacking"][0]["timeframe"] == "1d"


def test_a_lake_that_cannot_be_read_is_bad_and_hides_nothing_else(provider):
    keep(provider, "KRW-ETH")
    (provider.lake().root / "lake.json").write_text('{"format": 999}')
    with pytest.raises(NewerFormat):
        provider.lake().read("KRW-ETH", "1d")
    checks = found(provider)
    assert checks["lake"][-1][0] == "bad"
    assert "999" in checks["lake"][-1][1]
    assert "pip install --upgrade" in provider.doctor().filter(check="lake")["do"][-1]
    assert checks["exchange"][0][0] == "good"


def test_an_exchange_that_does_not_answer_is_bad_and_one_not_asked_is_a_note(
    provider, exchange, offline
):
    exchange.bodies.pop("/market/all")
    assert found(provider)["exchange"][0][0] == "bad"
    assert found(offline)["exchange"][0][0] == "note"
    assert found(offline)["clock"][0][0] == "note"


def test_a_lake_with_a_broken_file_or_without_rights_is_bad_and_says_what_mends_it(provider):
    keep(provider, "KRW-ETH")
    root = provider.lake().root
    (root / "corrupt").mkdir()
    assert found(provider)["lake"][-1][:1] == ("note",)
    next((root / "candles").rglob("*.parquet")).write_bytes(b"no candles")
    lake = provider.doctor().filter(check="lake", state="bad")
    assert "marketkit lake repair" in lake["do"][0]


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (0.04, "0.0s ahead of"),
        (-1.25, "1.2s behind"),
        (75.0, "1m 15s ahead of"),
        (-5e5, "5 days behind"),
    ],
)
def test_a_clock_is_so_far_off_as_people_say_it(offline, ahead, said):
    status = replace(offline.status(), machine_ahead=ahead)
    assert f"this machine is {said}" in _clock(status).detail


def test_a_finding_is_one_line_that_can_be_shown():
    frame = as_frame([Finding("bad", "lake", "none at \udcc8\x1b[2J\nyet", "look")])
    assert frame.row(0) == ("bad", "lake", "none at \\udcc8\\x1b[2J yet", "look")
