"""Who asks, proved by a signed token that every service checks for itself."""
