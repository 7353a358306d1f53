"""What marketkit costs, as ratios within one run against a limit or a peer."""
