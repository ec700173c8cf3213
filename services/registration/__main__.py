"""``python -m services.registration``: one replica of the registration service."""

from shared.process import run

if __name__ == "__main__":
    run("services.registration.service:Registration")
