"""Series of candles, kept with their proof."""
