"""The API against its own document, as everybody; and nobody learns of programs that are not theirs."""

import re
from pathlib import Path
from typing import Any

import pytest
import requests

from shared.ids import new_id
from tests.integration.api_fuzzing.ground import Caller
from tests.integration.api_fuzzing.runs import ROLES, run

pytestmark = pytest.mark.integration

#: What an organizer cannot do, since it is for participants.
FOR_PARTICIPANTS = {
    "GET /api/v1/programs/{program_id}/ranking",
    "PUT /api/v1/programs/{program_id}/ranking",
    "POST /api/v1/meetings/{meeting_id}/feedback",
}
#: Asked for twice only, which of the programs is chance, and most have no pairs; reading them is tried with the pages.
SELDOM = {"GET /api/v1/programs/{program_id}/pairing"}
#: The bounds of every value once, as the one who may do most; a few requests more as each.
PLANS = {"organizer": (2, "coverage,fuzzing")}


def test_a_program_of_others_is_as_one_that_is_not_there(told: dict[str, Any]) -> None:
    mentee = Caller(told["url"], told["tokens"]["mentee"])
    document = requests.get(f"{told['url']}/openapi.json", timeout=30).json()
    others = told["programs"]["ended"]
    organizer = Caller(told["url"], told["tokens"]["organizer"])
    agenda = organizer.get(f"/participants/{others['mentees'][0]}/agenda")
    theirs = {
        "program_id": others["program_id"],
        "participant_id": others["mentees"][0],
        "session_id": others["session_id"],
        "meeting_id": agenda["meetings"][0]["meeting_id"],
    }
    bodies = {
        "/absence": {"from_round": 1},
        "/cancellation": {"reason": "storm"},
        "/extension": {"seconds": 60},
        "/feedback": {"ratings": {}, "stay_in_touch": True},
        "/mentees": {"name": "A", "site_id": "jkt", "languages": ["id"], "topics": ["funding"], "motive": "career"},
        "/mentors": {"name": "A", "site_id": "jkt", "languages": ["id"], "topics": {"funding": 1}},
        "/outage-policy": {"on_outage": "hold"},
        "/questions": {"questions": []},
        "/ranking": {"ranks": []},
        "/start-shift": {"by_seconds": 1},
    }
    seen = 0
    for path, item in document["paths"].items():
        names = re.findall(r"{(\w+)}", path)
        # What belongs to no program is refused to all participants alike, whether there is any or not.
        for method in item.keys() - {"parameters"} if names and theirs.keys() >= set(names) else ():
            body = next((each for end, each in bodies.items() if path.endswith(end)), {}) if method != "get" else None
            answers = [
                requests.request(
                    method,
                    told["url"] + path.format(**ids),
                    json=body,
                    headers={"Authorization": f"Bearer {mentee.token}"},
                    timeout=30,
                ).json()
                for ids in (theirs, {name: new_id() for name in names})
            ]
            for answer in answers:
                answer.pop("instance")
            assert answers[0] == answers[1], f"{method} {path}"
            assert answers[0]["status"] == 404, f"{method} {path}: {answers[0]}"
            seen += 1
    assert seen > 30


@pytest.mark.parametrize("role", ROLES)
def test_answers_and_document_agree(told: dict[str, Any], tmp_path: Path, role: str) -> None:
    examples, phases = PLANS.get(role, (6, "examples,fuzzing"))
    found = run(role, told, tmp_path, examples, phases)
    assert found.exit_status == 0, found.said
    assert found.cases > 150
    assert not [key for key in found.counts if key[2] >= 500 and key[2] != 503]
    if role == "organizer":
        document = requests.get(f"{told['url']}/openapi.json", timeout=30).json()
        operations = {
            f"{method.upper()} {path}"
            for path, item in document["paths"].items()
            for method in item
            if method != "parameters"
        }
        # None of it is of any worth where requests are only refused.
        assert operations - FOR_PARTICIPANTS - SELDOM <= found.succeeded().keys()
