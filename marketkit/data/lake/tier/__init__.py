"""Chunks as memory: images of Parquet files below the cache folder, mapped in place of decoded."""
