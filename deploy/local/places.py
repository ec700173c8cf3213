"""Where the system of this checkout is, for the operators' commands (entry-point group ``speedmentor.places``)."""

from deploy.local.infrastructure import Infrastructure


def settings() -> dict[str, str]:
    """The settings by which the running system is reached; of what does not run there is none."""
    found = {}
    infrastructure = Infrastructure()
    if infrastructure.state.is_up:
        found["AMQP_URI"] = infrastructure.amqp_uri("operator")
    if infrastructure.state.is_running("gateway-1"):
        found["SPEEDMENTOR_URL"] = f"http://127.0.0.1:{infrastructure.state.ports['gateway-1/http']}"
        found["ORGANIZER_PASSWORD_FILE"] = str(infrastructure.secrets.organizer_password)
    return found
