"""The child's side: ``python -m services.matching.solver.child <file descriptor>``. Ends when its parent does.

It is asked for a plan (``question``) or for the final pairs (``rankings`` and ``rest``).
"""

import os
import signal
import socket
import sys
import traceback
from contextlib import suppress
from typing import Any

from services.matching.pairing.pairs import pair
from services.matching.pairing.planned import by_plan
from services.matching.pairing.rankings_document import read_rankings
from services.matching.planner import read_input, solve, warm
from services.matching.solver.json_frames import Closed, receive, send
from shared.faults import Invalid

#: Below the services, so that planning takes what they leave.
NICENESS = 5


def answer(connection: socket.socket, asked: dict[str, Any]) -> dict[str, Any]:
    """What is ``asked`` for, or why there is none."""
    try:
        return _pairs(asked) if "rankings" in asked else _plan(connection, asked)
    except Closed:
        raise
    except Invalid as fault:
        return {"refused": [f"{each.field}: {each.what}" for each in fault.problems]}
    except Exception:
        # A fault of the planner's own: the parent's log gets the place, and the next question finds us alive.
        return {"broken": traceback.format_exc()}


def _plan(connection: socket.socket, asked: dict[str, Any]) -> dict[str, Any]:
    told = 0.0

    def progress(share: float) -> None:
        nonlocal told
        if share - told >= 0.05:
            told = share
            send(connection, {"progress": share})

    plan_input = read_input(asked["question"])
    plan = solve(plan_input, time_limit=asked["seconds"], progress=progress, workers=1)
    return {"plan": plan.to_document(), "unmet": plan.unmet_document(), "changes": plan.changes_document()}


def _pairs(asked: dict[str, Any]) -> dict[str, Any]:
    rankings = read_rankings(asked["rankings"])
    return {"pairs": pair(rankings, by_plan(asked["rest"], asked["seconds"])).to_document()}


def main() -> None:
    """Answer one question after the other."""
    # Ctrl-C in a terminal goes to the whole group; the parent ends this process by closing the socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError):
        os.nice(NICENESS)
    connection = socket.socket(fileno=int(sys.argv[1]))
    # The parent may have made it non-blocking for its green threads.
    connection.setblocking(True)
    warm()
    with suppress(Closed):
        while True:
            asked = receive(connection)
            send(connection, answer(connection, asked))


if __name__ == "__main__":
    main()
