"""How types, sources and schemas of events are named."""

PREFIX = "speedmentor."
SOURCE = "/speedmentor/"
SCHEMA = "urn:speedmentor:schema:"


def full_type(name: str) -> str:
    """``registration.mentor-registered`` -> ``speedmentor.registration.mentor-registered.v1``.

    A later major version is named by its end: ``registration.mentor-registered.v2``.
    """
    return PREFIX + name if name.rpartition(".v")[2].isdigit() else f"{PREFIX}{name}.v1"


def short_name(event_type: str) -> str:
    """The inverse of :func:`full_type`."""
    return event_type.removeprefix(PREFIX).removesuffix(".v1")
