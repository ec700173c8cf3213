"""Who rings which shard: leases, and what lets them work among replicas that die, stall or have another time."""
