"""What is wrong with a lake, and its repair."""
