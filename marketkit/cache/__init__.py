"""Recent answers that may be given again: fresh in memory, kept on disk, never too old."""
