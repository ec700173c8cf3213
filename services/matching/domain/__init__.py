"""What matching knows of a program and decides about its plan; pure."""
