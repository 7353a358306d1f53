"""The sandbox exchange of the integration tests, and a provider of it with an empty lake."""

from tests.integration.conftest import _exchange, exchange, provider

__all__ = ["_exchange", "exchange", "provider"]
