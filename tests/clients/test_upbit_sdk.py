"""The official SDK, unmodified but for its address."""

from __future__ import annotations

import pytest

from marketkit.sandbox.control import moment

upbit = pytest.importorskip("upbit")
pytestmark = pytest.mark.clients

TO = "2026-09-01T00:00:00+09:00"
CALLS = {
    "market/all": lambda client: client.trading_pairs.list(),
    "market/all with details": lambda client: client.trading_pairs.list(is_details=True),
    "seconds": lambda client: client.candles.list_seconds(market="KRW-BTC", count=200),
    **{
        f"minutes/{unit}": lambda client, unit=unit: client.candles.list_minutes(
            unit, market="KRW-XRP", count=200, to=TO
        )
        for unit in (1, 3, 5, 10, 15, 30, 60, 240)
    },
    "days": lambda client: client.candles.list_days(
        market="BTC-ETH", count=200, converting_price_unit="KRW", to=TO
    ),
    "weeks": lambda client: client.candles.list_weeks(
        market="KRW-BTC", count=200, to="2026-09-01 00:00:00"
    ),
    "months": lambda client: client.candles.list_months(market="KRW-BTC", count=60),
    "years": lambda client: client.candles.list_years(market="KRW-BTC", count=5),
    "trades": lambda client: client.trades.list(
        market="KRW-BTC", count=500, days_ago=1, to="12:00:00"
    ),
    "tickers": lambda client: client.tickers.list_by_trading_pairs(
        markets="KRW-BTC,BTC-MK100,USDT-BTC"
    ),
    "tickers by quote": lambda client: client.tickers.list_by_quote_currencies(
        quote_currencies="KRW,BTC,USDT"
    ),
    "books": lambda client: client.orderbooks.list(
        markets="KRW-BTC,BTC-MK100,KRW-SHIB", count=15, level="0"
    ),
    "grouped books": lambda client: client.orderbooks.list(markets="KRW-BTC", level="100000"),
    "instruments": lambda client: client.orderbooks.list_instruments(
        markets="KRW-BTC,BTC-ETH,USDT-XRP"
    ),
}
# Its own strict mode refuses the real exchange's whole book prices and bare zeros.
NOT_STRICT_ON_THE_WIRE = {"tickers by quote", "books", "grouped books"}


@pytest.mark.parametrize("name", list(CALLS))
def test_every_public_endpoint_answers_the_official_client(wire, name):
    with upbit.Upbit(base_url=wire.endpoint, max_retries=0) as client:
        assert len(CALLS[name](client)) > 0


@pytest.mark.parametrize("name", list(CALLS))
def test_under_the_fraction_spelling_every_answer_passes_strict_validation(fraction, name):
    with upbit.Upbit(
        base_url=fraction.endpoint, max_retries=0, _strict_response_validation=True
    ) as client:
        assert len(CALLS[name](client)) > 0


@pytest.mark.parametrize("name", sorted(CALLS.keys() - NOT_STRICT_ON_THE_WIRE))
def test_as_on_the_real_exchange_most_answers_pass_strict_validation_under_wire_spelling(
    wire, name
):
    with upbit.Upbit(
        base_url=wire.endpoint, max_retries=0, _strict_response_validation=True
    ) as client:
        assert len(CALLS[name](client)) > 0


def test_the_official_client_pages_through_the_same_candles_as_the_history_holds(wire):
    to, closes = "2026-11-20T10:00:00Z", []
    with upbit.Upbit(base_url=wire.endpoint, max_retries=0) as client:
        for _ in range(5):
            page = client.candles.list_minutes(1, market="KRW-DOGE", count=200, to=to)
            closes += [float(row.trade_price) for row in page]
            to = f"{page[-1].candle_date_time_utc}Z"
    truth = wire.candles("KRW-DOGE", "1m", moment(to), moment("2026-11-20T10:00:00"))
    assert closes == truth["close"].reverse().to_list()
    assert len(closes) == 1000


def test_errors_arrive_as_the_clients_own(wire):
    with upbit.Upbit(base_url=wire.endpoint, max_retries=0) as client:
        with pytest.raises(upbit.NotFoundError, match="Code not found"):
            client.tickers.list_by_trading_pairs(markets="KRW-NOPE")
        with pytest.raises(upbit.BadRequestError, match="Invalid parameter"):
            client.candles.list_days(market="KRW-BTC", to="soon")
