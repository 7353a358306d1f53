"""What was asked lately and may be said again: fresh in memory, kept on disk, never too old."""
