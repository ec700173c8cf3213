"""What comes out of a printer: the sheets of a page, read back from the file that Chromium prints into."""

from dataclasses import dataclass
from itertools import product

from playwright.sync_api import Page

PAPERS = list(product(("A4", "Letter"), (False, True)))
"""What is in printers: the paper, and whether it lies on its side."""
INK = 0.5
"""By how much a letter may stand over the edge of a sheet, points: boxes of letters are wider than their ink."""


@dataclass(frozen=True)
class Sheet:
    """One side of paper: its text without any white space, and which letters are not wholly on it."""

    text: str
    outside: str


def sheets(page: Page, paper: str, lying: bool) -> list[Sheet]:
    """Print ``page``."""
    import pypdfium2

    found = []
    with pypdfium2.PdfDocument(page.pdf(format=paper, landscape=lying)) as document:
        for side in document:
            width, height = side.get_size()
            text = side.get_textpage()
            boxes = [text.get_charbox(place) for place in range(text.count_chars())]
            outside = [
                text.get_text_range(place, 1)
                for place, (left, bottom, right, top) in enumerate(boxes)
                if min(left, bottom) < -INK or right > width + INK or top > height + INK
            ]
            found.append(Sheet(close_up(text.get_text_range()), close_up("".join(outside))))
    return found


def close_up(text: str) -> str:
    """``text`` without its white space, as it is found on a sheet."""
    return "".join(text.split())
