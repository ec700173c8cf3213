"""Matching's own database, a module for each collection or two."""
