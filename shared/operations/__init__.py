"""What operators do to a running system: look whether all agrees, and deal with dead letters."""
