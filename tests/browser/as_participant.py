"""A browser in which a participant has logged in."""

import json

import canned


def as_participant(who: str) -> str:
    """A script that makes the page this participant's."""
    known = {"role": who.split("-")[0], "subject": who, "program_id": canned.PROGRAM, "site_id": "jkt"}
    return f"localStorage.setItem('speedmentor.who', {json.dumps(json.dumps(known))})"
