"""What other systems get of what happens here: the log of all published events."""
