"""``python -m services.gateway``: one replica of the gateway."""

from shared.process import run

if __name__ == "__main__":
    run("services.gateway.service:Gateway")
