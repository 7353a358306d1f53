"""The exchange's archive of its own history, as zip files below `/archive`."""
