"""The exchange's archive over the network: listed, downloaded by a few connections, verified."""
