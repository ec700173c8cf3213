"""``python -m services.integrations``: one replica of the integrations service."""

from shared.process import run

if __name__ == "__main__":
    run("services.integrations.service:Integrations")
