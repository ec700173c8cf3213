"""A gateway's HTTP server alone, with little patience, so that a test need not wait long: ``impatient.py`` PATIENCE.

Prints its port. ``GET /slowly`` is answered over a time longer than any patience; anything else with what was sent.
"""

import json
import sys

import eventlet

eventlet.monkey_patch()

from flask import Flask, Response, request  # noqa: E402

from services.gateway.web import headers, problems  # noqa: E402
from services.gateway.web.http_protocol import HttpProtocol, Patience, Waiting  # noqa: E402
from services.gateway.web.server import serve  # noqa: E402


def app(patience: Patience) -> Flask:
    made = Flask("impatient")
    made.config["MAX_CONTENT_LENGTH"] = headers.MOST_BYTES
    headers.register(made)
    problems.register(made)

    @made.get("/slowly")
    def slowly() -> Response:
        def ticks():
            for _ in range(20):
                eventlet.sleep(2 * (patience.idle + patience.head + patience.body) / 20)
                yield b"tick\n"

        request.environ["eventlet.minimum_write_chunk_size"] = 1
        return Response(ticks(), content_type="text/plain")

    @made.post("/")
    def echo() -> dict[str, int]:
        return {"bytes": len(request.get_data())}

    @made.post("/unread")
    def unread() -> dict[str, bool]:
        return {"read": False}

    return made


if __name__ == "__main__":
    given = Patience(**json.loads(sys.argv[1]))

    class Impatient(HttpProtocol):
        patience = given
        waiting = Waiting(given.waiting)

    listening = eventlet.listen(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    serve(listening, app(given), Impatient)
