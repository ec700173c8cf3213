"""What a program and its participants are, what may be done with them, and how their files are read: pure."""
