"""Everything that shows itself escapes what others wrote, writes no exponent, and sends nothing."""

from __future__ import annotations

import re

import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.notebook.text import width
from tests.integration.conftest import FAST_LIMITS
from tests.waiting import PATIENCE

SPAN = {"start": "2026-11-18", "end": "2026-11-19"}
EXPONENT = re.compile(r"(?<![\w.,])\d+(\.\d+)?[eE][+-]?\d+(?![\w])")
NAME = re.compile(r"\b[0-9a-f]{8,}\b|/\S+")  # of a job or a folder: by chance it looks like one


def has_exponent(said: str) -> bool:
    """Whether a text has a number that people do not write so."""
    return EXPONENT.search(NAME.sub("", said)) is not None


@pytest.fixture
def shown(exchange, tmp_path, monkeypatch):
    """Everything with a card, in folders with a name that a page would run."""
    monkeypatch.setenv("COLUMNS", "80")
    folder = tmp_path / "<script>alert(1)<"
    with SmartDataProvider(
        endpoint=exchange.endpoint, lake=folder / "lake", limits=FAST_LIMITS
    ) as provider:
        plan = provider.plan(["KRW-BTC", "KRW-ETH"], "1m", **SPAN)
        job = plan.run()
        job.wait()
        job._run.failures["KRW-<script>"] = ValueError("<script>")
        lake, told = provider.lake(), provider.with_response.get_ticker(["KRW-BTC", "KRW-ETH"])
        frozen = lake.freeze("paper")
        with (
            provider.watch("KRW-BTC", "ticker") as feed,
            provider.live("KRW-BTC", "1m", history="5m") as live,
            provider.record("KRW-BTC", "trade", to=folder / "tape") as recording,
        ):
            feed.wait(PATIENCE)
            several = (plan, job, provider, provider.twin, lake, lake.as_of("paper"), frozen)
            yield [*several, provider.status(), told, feed, live, recording]


def test_every_look_is_escaped_reads_well_and_asks_nobody(shown, exchange):
    before = exchange.stats()["groups"]
    for each in shown:
        page = each._repr_html_()
        assert "<script" not in page, each
        assert not re.search(r"(background|color): ?(#fff|white|black|#000)", page)
        text = each._card().text() if hasattr(each, "_card") else repr(each)
        for said in (page, text, repr(each)):
            assert not has_exponent(said), each
        assert "\x1b" not in text
        tables = [line for line in text.splitlines() if " /" not in line]  # paths stay whole
        assert all(width(line) <= 80 for line in tables), text
    assert {name: group["requests"] for name, group in exchange.stats()["groups"].items()} == {
        name: group["requests"] for name, group in before.items()
    }


def test_names_and_counts_are_in_the_page_as_in_the_text(shown):
    for each in shown:
        page = each._repr_html_()
        assert "KRW-" in page or "candles" in page or "messages" in page, each
    (lake,) = [each for each in shown if repr(each).startswith("Lake ")]
    assert "&lt;script&gt;alert(1)&lt;" in lake._repr_html_()
