"""`marketkit demo`: where it runs, and what it leaves behind."""

from __future__ import annotations

import argparse

import pytest

from marketkit.cli.commands import demo


def options(*, live: bool = False, endpoint: str | None = None, region: str | None = None):
    return argparse.Namespace(live=live, endpoint=endpoint, region=region)


def test_a_lake_that_was_not_named_is_gone_afterwards(tmp_path):
    with demo._lake(None) as folder:
        assert folder.is_dir()
    assert not folder.exists()
    with demo._lake(tmp_path) as folder:
        assert folder == tmp_path
    assert tmp_path.is_dir()


@pytest.mark.parametrize(
    "there", [{"live": True}, {"endpoint": "http://127.0.0.1:9"}, {"region": "sg"}]
)
def test_an_exchange_that_was_chosen_needs_no_sandbox(there):
    with demo._exchange(options(**there)) as exchange:
        assert exchange is None


def test_without_a_choice_a_sandbox_is_started_and_ended():
    with demo._exchange(options()) as exchange:
        assert exchange.stats()["groups"]["candles"]["requests"] == 0
        assert exchange.endpoint.startswith("http://127.0.0.1:")
