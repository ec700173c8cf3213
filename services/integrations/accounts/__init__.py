"""Integrators: their accounts as documents, which are the wish, and at the broker, which is made so."""
