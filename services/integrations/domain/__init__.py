"""What other systems may read, which month an event is kept in, and what an erasure leaves of it: all pure."""
