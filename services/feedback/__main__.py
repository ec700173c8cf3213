"""``python -m services.feedback``: one replica of the feedback service."""

from shared.process import run

if __name__ == "__main__":
    run("services.feedback.service:Feedback")
