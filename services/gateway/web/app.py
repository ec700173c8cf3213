"""The Flask app: routes, the API document made from their schemas, faults, and the pages."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter

from services.gateway import pages
from services.gateway.commands.document import with_commands
from services.gateway.door import Door
from services.gateway.routes import API, SERVING
from services.gateway.web import headers, problems
from services.gateway.web.headers import MOST_BYTES
from services.gateway.web.openapi import DocumentedApi
from shared.events import asyncapi

#: What ids look like in an address; anything else is no address of ours.
ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}"


class _Id(BaseConverter):
    regex = ID_PATTERN


def build_app(door: Door) -> Flask:
    """The app of one replica."""
    app = Flask("services.gateway", static_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=MOST_BYTES,
        MAX_FORM_MEMORY_SIZE=MOST_BYTES,
        API_TITLE="speedmentor",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.url_map.converters["id"] = _Id
    door.open_in(app)
    headers.register(app)
    problems.register(app)
    api = DocumentedApi(app)
    api.register_converter(_Id, lambda _: {"type": "string", "pattern": f"^{ID_PATTERN}$"})
    for blueprint in API:
        api.register_blueprint(blueprint)
    api.complete()
    app.config["ASYNCAPI"] = asyncapi.written(with_commands(asyncapi.document(), api.spec.to_dict()))
    for plain in SERVING:
        app.register_blueprint(plain)
    pages.register(app)
    if door.settings.trusted_proxies:
        trusted = door.settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, trusted, trusted, trusted)  # type: ignore[method-assign]
    return app
