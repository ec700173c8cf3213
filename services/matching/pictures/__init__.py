"""A plan as one page that needs nothing else: to look at, to hang on a wall and to print."""

from services.matching.pictures.page import render_html

__all__ = ["render_html"]
