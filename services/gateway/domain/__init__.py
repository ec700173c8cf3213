"""What the gateway decides by itself, apart from HTTP and the broker."""
