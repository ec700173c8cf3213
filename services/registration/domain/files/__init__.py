"""The three files of an event: ``program.toml``, ``mentors.csv`` and ``mentees.csv``, read purely from their text."""

from services.registration.domain.files.event import FILES, Imported, read_event

__all__ = ["FILES", "Imported", "read_event"]
