"""``python -m services.session_timer``: one replica of the session timer."""

from shared.process import run

if __name__ == "__main__":
    run("services.session_timer.service:SessionTimer")
