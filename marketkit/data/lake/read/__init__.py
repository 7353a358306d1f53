"""How candles leave the lake."""
