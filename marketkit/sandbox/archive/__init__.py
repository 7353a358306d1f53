"""The archive of the sandbox's own history: zip files below `/archive`."""
