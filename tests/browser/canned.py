"""Data like the services give it, for pages to show."""

from datetime import UTC, datetime, timedelta
from typing import Any

PROGRAM = "open-doors"
FIRST_NAMES = ["Ayu", "Budi", "Citra", "Dewi", "Eko", "Fajar", "Gita", "Håkon", "Indah", "Joko", "Kartika", "Lestari"]
LAST_NAMES = ["Wijaya", "Šimková", "Hartono", "O’Brien", "Nugroho", "Müller", "Siregar", "Østergaard"]


def write(moment: datetime) -> str:
    """An instant as the API writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def session(
    starts_at: datetime, *, site: str = "jkt", rounds: int = 6, length: float = 600, gap: float = 120, **more: Any
) -> dict[str, Any]:
    """A session as the API gives it."""
    step = timedelta(seconds=length + gap)
    starts = [starts_at + number * step for number in range(rounds)]
    return {
        "session_id": f"s-{site}",
        "program_id": PROGRAM,
        "site_id": site,
        "org": "speedmentor",
        "plan_id": "p1",
        "time_zone": {"jkt": "Asia/Jakarta", "dps": "Asia/Makassar"}.get(site, "Asia/Jakarta"),
        "revision": 1,
        "timetable": [
            {"round": number, "starts_at": write(start), "ends_at": write(start + timedelta(seconds=length))}
            for number, start in enumerate(starts, start=1)
        ],
        "warning_seconds": [120, 30],
        "paused_at": None,
        "held": False,
        "cancelled_at": None,
        "on_outage": "catch-up",
        **more,
    }


def people() -> list[dict[str, Any]]:
    """Twelve mentors and twenty-four mentees at two sites."""
    found = []
    for number in range(36):
        role = "mentor" if number < 12 else "mentee"
        person: dict[str, Any] = {
            "participant_id": f"{role}-{number}",
            "program_id": PROGRAM,
            "role": role,
            "name": f"{FIRST_NAMES[number % 12]} {LAST_NAMES[(number * 3 + number // 12) % 8]}",
            "site_id": "jkt" if number % 3 else "dps",
            "remote": False,
            "languages": ["id", "en"],
            "status": "absent:1" if number == 20 else "registered",
            "checked_in": number % 2 == 0 and number != 20,
        }
        if role == "mentor":
            person |= {
                "topics": {"career-change": 5, "funding": 3, "leading-people": 4},
                "motives": ["career", "network"],
                "story": {
                    "situation": "Our only client left two weeks before salaries were due.",
                    "choice": "I told the whole team the same day, with the figures.",
                    "outcome": "Three of them found us the next client within a month.",
                    "lesson": "People can carry more truth than we think.",
                },
            }
        else:
            person |= {
                "topics": ["funding", "hiring"],
                "motive": "problem",
                "questions": ["How did you find your first investor?", "What would you not do again?"],
            }
        found.append(person)
    return found


def plan(rounds: int = 6) -> dict[str, Any]:
    """A plan of one site and a half."""
    meetings = []
    for site in ("jkt", "dps"):
        mentors = [each for each in people() if each["role"] == "mentor" and each["site_id"] == site]
        mentees = [each for each in people() if each["role"] == "mentee" and each["site_id"] == site]
        for number in range(1, rounds + 1):
            for table, mentor in enumerate(mentors):
                mentee = mentees[(table + number) % len(mentors)]
                meetings.append(
                    {
                        "meeting_id": f"m-{site}-{number}-{table}",
                        "round": number,
                        "table": f"{site}-{table + 1}",
                        "site_id": site,
                        "mentor_id": mentor["participant_id"],
                        "mentee_id": mentee["participant_id"],
                        "score": 640,
                        "because": {"topics": 420, "motive": 100, "storytelling": 40, "wants": 80},
                    }
                )
    quality = {"meetings": len(meetings), "score": 46_080, "bound": 46_080, "gap": 0.0, "certified": True}
    return {
        "program_id": PROGRAM,
        "plan_id": "p1",
        "state": "planned",
        "revision": 2,
        "quality": {**quality, "least": 3, "most": 4, "seconds": 0.2},
        "meetings": meetings,
        "unmet": [{"mentee": "mentee-20", "meetings": 0, "reason": "is absent from all rounds"}],
        "changes": [],
        "failure": None,
    }


def change(kind: str, number: int, mentee: int, mentor: int, why: str) -> dict[str, Any]:
    """A change of the plan as the gateway tells it: in the reader's language, but with ids."""
    who = {"mentee": f"mentee-{mentee}", "mentor": f"mentor-{mentor}"}
    return {"kind": kind, "round": number, **who, "why": why}


def program(starts_at: datetime) -> dict[str, Any]:
    """The program."""
    return {
        "program_id": PROGRAM,
        "title": "Open Doors 2026",
        "state": "published",
        "rounds": 6,
        "round_seconds": 600,
        "break_seconds": 120,
        "warning_seconds": [120, 30],
        "topics": ["career-change", "funding", "hiring", "leading-people"],
        "sites": [
            {"site_id": "jkt", "name": "Jakarta", "time_zone": "Asia/Jakarta", "starts_at": write(starts_at)},
            {"site_id": "dps", "name": "Denpasar", "time_zone": "Asia/Makassar", "starts_at": write(starts_at)},
        ],
        "mentors": 12,
        "mentees": 24,
    }


def report() -> dict[str, Any]:
    """The report of the program; the answers of one site are too few to be shown."""
    hidden = {"answers": None, "mean": None, "distribution": None}

    def question(mean: float, answers: int) -> dict[str, Any]:
        shown = {"answers": answers, "mean": mean, "distribution": {}}
        return {"all": shown, "by_role": {"mentee": shown, "mentor": hidden}, "by_site": {"jkt": shown, "dps": hidden}}

    questions = {
        "time_well_spent": question(5.8, 128),
        "would_recommend": {"all": {**hidden, "answers": 0}, "by_role": {}, "by_site": {}},
        "story": question(4.3, 64),
        "stay_in_touch": question(0.72, 128),
        "connections": question(0.4, 60),
    }
    return {"program_id": PROGRAM, "k": 5, "held": 72, "answers": 128, "questions": questions}


def ranking() -> dict[str, Any]:
    """Mentee 13 has met three mentors and has not said anything yet."""
    met = ["mentor-1", "mentor-2", "mentor-4"]
    return {"program_id": PROGRAM, "submitted": False, "ranks": [], "capacity": None, "met": met}


def pairing(method: str | None = None, top: int = 3, capacity: int = 1) -> dict[str, Any]:
    """The pairs by these terms; before they are formed without a method."""
    found: dict[str, Any] = {
        "program_id": PROGRAM,
        "pairing_id": "pairing",
        "state": "paired" if method else "none",
        "failure": None,
        "revision": 1 if method else 0,
        "terms": {"method": method, "top": top, "capacity": capacity} if method else None,
        "rankings": {"mentor": 9, "mentee": 17},
        "counts": None,
        "pairs": [],
        "left_over": None,
    }
    if method:
        kinds = ["mutual", "one-sided", "assigned"]
        found["pairs"] = [
            {
                "pair_id": kind,
                "mentor_id": f"mentor-{n}",
                "mentee_id": f"mentee-{12 + n}",
                "site_id": "jkt",
                "kind": kind,
            }
            for n, kind in enumerate(kinds, start=1)
        ]
        found["counts"] = {
            "stable": {"mutual": 1, "one-sided": 1, "ranked": 0, "assigned": 1},
            "most_mutual": {"mutual": 2, "one-sided": 0, "ranked": 0, "assigned": 1},
        }
        found["left_over"] = {"mentees": ["mentee-20", "mentee-22"], "mentors": []}
    return found


def webhook() -> dict[str, Any]:
    """A webhook that does well."""
    return {
        "webhook_id": "w1",
        "integrator": "bi",
        "url": "https://hooks.example.org/<b>x</b>",
        "types": ["matching.#"],
        "programs": None,
        "state": "active",
        "reason": None,
        "since": "2026-03-01T09:00:00.000Z",
        "created_at": "2026-03-01T09:00:00.000Z",
        "cursor": "7",
        "pending": 2,
        "given_up": 0,
        "delivered": 5,
        "delivered_at": None,
        "failing_since": None,
        "rests_until": None,
        "old_secret_until": None,
        "failed": None,
        "test": None,
        "gap": None,
    }
