"""Which page is where."""

from typing import Any

from flask import Blueprint, Flask, Response, render_template, request

from services.gateway.pages import event_types
from services.gateway.pages.script_words import NAMES, words
from services.gateway.web.language import COOKIE, language
from shared.events.asyncapi import EXCHANGE, VERSION
from shared.translation import languages, translations

#: Everything a page needs comes from here: no inline script or style runs, and no other site frames a page. Scripts
#: send the forms; a browser that has not loaded them yet would put a password into an address, so it may send none.
POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
YEAR = 365 * 86_400

pages = Blueprint(
    "pages", __name__, template_folder="templates", static_folder="static", static_url_path="/assets", url_prefix=""
)


def register(app: Flask) -> None:
    """Add the pages and what belongs to them (under ``/assets``) to ``app``."""
    app.register_blueprint(pages)


@pages.get("/")
def log_in() -> str:
    """The door: an access code for participants, a password for organizers."""
    return render_template("log_in.html")


@pages.get("/programs")
def programs() -> str:
    """All programs of the organization, and the import of a new one."""
    return render_template("programs.html")


@pages.get("/programs/<program_id>")
def program(program_id: str) -> str:
    """One program for its organizer."""
    return render_template("program.html", program_id=program_id)


@pages.get("/integrators")
def integrators() -> str:
    """Other systems with an account, for organizers."""
    return render_template("integrators.html")


@pages.get("/webhooks")
def webhooks() -> str:
    """Where events are sent, and how that goes."""
    return render_template("webhooks.html")


@pages.get("/wall/<program_id>/<site_id>")
def wall(program_id: str, site_id: str) -> str:
    """The countdown for the wall of a site."""
    return render_template("wall.html", program_id=program_id, site_id=site_id)


@pages.get("/me")
def me() -> str:
    """A participant's own page."""
    return render_template("me.html")


@pages.get("/asyncapi")
def events() -> str:
    """Every type of event for those who build on them; it says the same as ``/asyncapi.json``."""
    spoken = language()
    return render_template(
        "events.html",
        version=VERSION,
        exchange=EXCHANGE,
        attributes=event_types.all_attributes(spoken),
        services=event_types.services(spoken),
    )


@pages.context_processor
def _language() -> dict[str, Any]:
    spoken = language()
    return {
        "_": translations(spoken).gettext,
        "language": spoken,
        "other_languages": [(each, NAMES.get(each, each)) for each in languages() if each != spoken],
        "words": words(spoken),
    }


@pages.after_request
def _headers(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    # Asked for anew at each load, and answered with "not modified": a page never runs with yesterday's script.
    response.headers["Cache-Control"] = "no-cache"
    if response.mimetype == "text/html":
        response.headers["Vary"] = "Accept-Language, Cookie"
        wish = request.args.get("lang")
        if wish in languages():
            response.set_cookie(COOKIE, wish, max_age=YEAR, samesite="Lax", httponly=True)
    return response
