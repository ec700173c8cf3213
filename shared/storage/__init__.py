"""MongoDB as every service uses it: one transaction for state, inbox and outbox; leases with fencing tokens."""
