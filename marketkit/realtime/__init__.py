"""Streams of the exchange: one connection, counted subscriptions, feeds of frames."""
