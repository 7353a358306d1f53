"""What travels of a provider: the address, and nothing that is open."""

from __future__ import annotations

import functools
import pickle
from pathlib import Path

import pytest

import marketkit as mk
from marketkit.api.address import Address, opened, part_of
from marketkit.api.sync import default_provider
from tests.unit.api.conftest import NOWHERE


def sent(thing):
    """Send something to another process, which is this one."""
    return pickle.loads(pickle.dumps(thing))  # noqa: S301 - our own


@pytest.mark.parametrize("kind", [mk.SmartDataProvider, mk.AsyncSmartDataProvider])
def test_a_provider_travels_as_its_arguments_and_is_opened_once(kind, tmp_path):
    made = kind(
        endpoint=NOWHERE, lake=tmp_path, limits={"ticker": (3, 0.5)}, settle=5.0, offline=True
    )
    there = sent(made)
    assert type(there) is kind
    assert there is not made
    assert there is sent(made)
    assert there.address == made.address
    assert there.address.limits == (("ticker", (3, 0.5)),)
    assert there.address.offline


def test_a_folder_is_the_same_whatever_folder_the_other_process_works_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = mk.SmartDataProvider(endpoint=NOWHERE, lake="here", offline=True)
    lake, frozen = mk.Lake("here"), sent(mk.Lake("here"))
    monkeypatch.chdir("/")
    assert sent(made).lake().root == tmp_path / "here"
    assert frozen.root == tmp_path / "here"
    assert lake.root == Path("here")


def test_what_the_environment_says_here_is_said_there(tmp_path, monkeypatch):
    monkeypatch.setenv("MARKETKIT_OFFLINE", "1")
    message = pickle.dumps(mk.SmartDataProvider(endpoint=NOWHERE, lake=tmp_path))
    monkeypatch.delenv("MARKETKIT_OFFLINE")
    assert pickle.loads(message).address.offline  # noqa: S301 - our own


def test_the_functions_of_the_package_are_those_of_the_other_process():
    default_provider.cache_clear()
    try:
        for call in (mk.get_candle, functools.partial(mk.watch, "KRW-BTC").func, mk.lake):
            assert sent(call).__self__ is default_provider()
    finally:
        default_provider.cache_clear()


def test_methods_and_the_calls_with_a_response_travel_with_their_provider(offline):
    there = sent(offline)
    assert sent(offline.get_ticker).__self__ is there
    told = sent(offline.with_response.get_ticker).__self__
    assert told._quotes is there.with_response._quotes
    assert sent(offline.twin.with_response).address == offline.twin.address


def test_a_part_is_that_of_the_provider_at_the_address(offline):
    assert opened(offline.address) is opened(offline.address)
    assert part_of(offline.address, "twin.endpoints") is opened(offline.address).twin.endpoints
    assert isinstance(offline.address, Address)
