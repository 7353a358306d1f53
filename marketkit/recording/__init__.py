"""What streams said, kept on disk with the time it came, and played again."""
