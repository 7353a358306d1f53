"""History and stream as one series."""
