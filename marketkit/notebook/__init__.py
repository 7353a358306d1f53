"""Displays of notebooks: frames that change, and jobs with their buttons."""
