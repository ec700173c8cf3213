"""The final pairing: who goes on with whom after the event, from what both sides rank.

Nothing is imported here: a service takes the words (``rankings``) without the solver behind ``planned`` and
``lexicographic_flow``.
"""
