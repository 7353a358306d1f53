"""Names of other libraries, so that programs written for these change one import."""
