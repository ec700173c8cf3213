"""``python -m services.matching``: one replica of matching."""

from shared.process import run

if __name__ == "__main__":
    run("services.matching.service:Matching")
