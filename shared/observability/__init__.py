"""What a running service tells about itself: logs, metrics and health."""
