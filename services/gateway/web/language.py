"""The language a request asks to be answered in."""

from flask import request

from shared import translation

DEFAULT = "en"
#: A page's choice of language, kept for the next page.
COOKIE = "lang"


def language() -> str:
    """``?lang=``, else what the page chose before, else ``Accept-Language``; English where nothing fits."""
    spoken = translation.languages()
    for asked in (request.args.get("lang"), request.cookies.get(COOKIE)):
        if asked in spoken:
            return asked
    # Most wanted first; a region (en-GB) is content with the language it belongs to (RFC 4647, 3.4: lookup).
    for wanted, _ in request.accept_languages:
        primary = wanted.replace("_", "-").partition("-")[0].lower()
        if primary in spoken:
            return primary
    return DEFAULT
