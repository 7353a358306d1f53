"""How far candles can be trusted, day by day."""
