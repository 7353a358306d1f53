"""Data that stays: the lake, the fetching that fills the lake, and jobs."""
