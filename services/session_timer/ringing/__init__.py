"""How a bell rings: at the instant, once, by whoever holds its shard.

The stages, in their order:

1. *lease*: a replica holds leases on its shards (``leases.shard_leases``);
2. *load*: it keeps the sessions of those shards in memory (``loading``, ``shard_state``);
3. *prepare*: ahead of its instant the frames that publish a bell are made (``preparing``);
4. *claim*: a moment ahead one write per shard claims all that rings in that moment (``claiming``): conditional on the
   fencing token, so a replica that was away too long has no claim, and on the count of changes in the shard, so what a
   command has taken back is never sent. The claim is the commit: what is left at the instant is only to send;
5. *dispatch*: at the instant the frames are sent (``dispatching``);
6. *confirm*: the broker says that it has them (``publishing``);
7. *settle*: sessions and outbox are brought up to date and the claim is taken off (``settling``).

Whoever takes a shard over sends again what was claimed and not settled: the same events with the same ids, which
consumers drop if they had them. ``ringer`` is the loop that takes bells through the stages.
"""
