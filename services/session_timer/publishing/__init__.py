"""How bells go to the broker: frames made ahead, sent in a few pieces over several channels, and confirmed."""
