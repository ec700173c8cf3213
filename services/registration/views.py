"""What goes out: programs and participants as JSON, whole or only the part that others of the program may see."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from services.registration.domain.participant import Mentee, Mentor, Participant
from services.registration.domain.program import Program, Site
from services.registration.domain.progress import MissingPlan, Progress, SiteSession, standing
from shared.events import write_time


def program_view(
    program: Program,
    counts: dict[tuple[str, str], int],
    progress: Progress,
    now: datetime,
    missing: MissingPlan | None = None,
) -> dict[str, Any]:
    """A program with how many take part, and how far it is; ``missing`` is for organizers.

    ``state`` is the program's own; ``standing`` also tells what has become of it since.
    """
    return {
        "program_id": program.id,
        "title": program.title,
        "title_key": program.key,
        "state": str(program.state),
        "standing": str(standing(program, progress, now)),
        "closed_at": write_time(progress.closed_at) if progress.closed_at else None,
        "rounds": program.rounds,
        "round_seconds": program.round_seconds,
        "break_seconds": program.break_seconds,
        "warning_seconds": list(program.warning_seconds),
        "topics": list(program.topics),
        "sites": [_site_view(site, progress.session(site.id), now) for site in program.sites],
        "mentors": counts.get((program.id, Mentor.role), 0),
        "mentees": counts.get((program.id, Mentee.role), 0),
        "attention": [_attention(missing)] if missing else [],
    }


def _site_view(site: Site, session: SiteSession | None, now: datetime) -> dict[str, Any]:
    view = {
        "site_id": site.id,
        "name": site.name,
        "time_zone": site.time_zone,
        "starts_at": write_time(site.starts_at),
    }
    if session is None:
        return view
    view["state"] = "finished" if session.is_over(now) else "running" if session.has_begun(now) else "scheduled"
    if session.ends_at is not None and not session.paused:
        view["ends_at"] = write_time(session.ends_at)
    if session.starts_at is not None and session.starts_at != site.starts_at:
        view |= {"starts_at": write_time(session.starts_at), "published_starts_at": view["starts_at"]}
    return view


def _attention(missing: MissingPlan) -> dict[str, Any]:
    return {
        "code": "no-plan",
        "when": missing.when,
        "starts_at": write_time(missing.starts_at),
        "sites": list(missing.sites),
    }


def public_view(person: Participant) -> dict[str, Any]:
    """What people of the other role may read ahead of a meeting."""
    view: dict[str, Any] = {
        "participant_id": person.id,
        "program_id": person.program_id,
        "role": person.role,
        "name": person.name,
        "site_id": person.site_id,
        "remote": person.remote,
        "languages": list(person.languages),
        "status": person.status,
        "checked_in": person.checked_in_at is not None,
    }
    if isinstance(person, Mentor):
        view |= {
            "topics": dict(person.topics),
            "motives": list(person.motives),
            "storytelling": person.storytelling,
            "story": asdict(person.story) if person.story else None,
        }
    if isinstance(person, Mentee):
        view |= {"motive": person.motive, "topics": list(person.topics), "questions": list(person.questions)}
    return view


def full_view(person: Participant) -> dict[str, Any]:
    """All there is: for the organizer, and for the person."""
    view = public_view(person) | {
        "ref": person.ref,
        "email": person.email,
        "team": person.team,
        "rounds": list(person.rounds),
        "max_meetings": person.max_meetings,
        "wants": list(person.wants),
        "avoids": list(person.avoids),
    }
    if isinstance(person, Mentor):
        view |= {"seats": person.seats, "never": list(person.never)}
    if isinstance(person, Mentee):
        view |= {"manager": person.manager}
    return view


def peer_view(person: Participant) -> dict[str, Any]:
    """What people of the same role may see: not the questions, which are for the other side of the table."""
    return {key: value for key, value in public_view(person).items() if key != "questions"}
