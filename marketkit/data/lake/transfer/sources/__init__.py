"""Files of candles as other programs write them, read into one shape."""
