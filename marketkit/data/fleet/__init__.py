"""Jobs on other people's executors: units of work, leases between machines, shards, workers."""
