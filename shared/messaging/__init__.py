"""The bus: its topology, publishing from the outbox, consuming in batches, and dead letters."""
