"""What the planner is given: read from a document, checked, and as a model."""
