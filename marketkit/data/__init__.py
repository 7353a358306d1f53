"""Data that stays: the lake, what fills it, and jobs."""
