"""What the exchange says by itself: one session, counted subscriptions, feeds of frames."""
