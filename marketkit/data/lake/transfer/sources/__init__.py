"""Files of candles of other programs, read into one shape."""
