"""``python -m services.session_timer``: one replica of the session timer."""

from shared.process import run
from shared.steady_clock import SteadyClock

if __name__ == "__main__":
    # Commands and bells go by one clock: a step of the wall clock between them would ring early or let a pause vanish.
    run("services.session_timer.service:SessionTimer", clock=SteadyClock)
