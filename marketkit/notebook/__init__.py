"""What notebooks show: jobs that can be watched and stopped."""
