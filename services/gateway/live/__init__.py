"""The live channel: what the session timer publishes, fanned out to every open screen."""
