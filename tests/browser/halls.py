"""Halls full of people, for pages that have to show all of them."""

from fake_gateway import FakeGateway

THIRTY = "Anindya Kusumawardhani Santoso"
UNBROKEN = ("Wolfeschlegelsteinhausenbergerdorff" * 4)[:128]


def hall(gateway: FakeGateway, tables: int, seats: int, name: str, rounds: int = 3) -> set[str]:
    """Fill a site's tables with a mentor and ``seats`` mentees each, called ``name`` and a number; their names."""
    people, meetings = [], []
    for number in range(tables):
        mentor = f"mentor-{number}"
        at_table = [mentor, *(f"mentee-{number}-{seat}" for seat in range(seats))]
        people += [{**gateway.people["mentor-1"], "participant_id": each} for each in at_table]
        meetings += [
            {
                **gateway.plan["meetings"][0],
                "site_id": "jkt",
                "round": round_,
                "table": f"jkt-{number + 1}",
                "mentor_id": mentor,
                "mentee_id": each,
            }
            for round_ in range(1, rounds + 1)
            for each in at_table[1:]
        ]
    for number, person in enumerate(people):
        # They differ only at their end, as long as all of them are.
        person["name"] = f"{name[: -len(str(number))]}{number}"
    gateway.people = {each["participant_id"]: each for each in people}
    gateway.plan["meetings"] = meetings
    return {each["name"] for each in people}
