"""The web pages: shells that the server renders in the reader's language and that call the HTTP API.

They hold no data of their own: each page is the same for everybody, and what it shows comes through
``/api/v1`` with the reader's own log-in.
"""

from services.gateway.pages.routes import register

__all__ = ["register"]
