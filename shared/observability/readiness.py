"""Why a part of a replica does not work."""


class NotReady(Exception):
    """A part does not work, for a reason that operators can do something about; the text is the reason."""
