"""What people answer in the demonstration: made up, the same again for the same seed and the same people.

How well a pair gets on is drawn once for both sides, and what each says scatters around it. So answers look like
answers: good meetings mostly, some poor ones, and two who liked each other more often choose the same.
"""

import random
from dataclasses import dataclass
from typing import Any

TAKEAWAYS = (
    "Write down what I want before I ask for it.",
    "Mulai kecil, lalu ceritakan hasilnya.",
    "Ask for the smallest next step, not for a job.",
    "Tiga orang untuk dihubungi minggu depan.",
    "A no today is not a no for ever.",
    "Cerita tentang kegagalan lebih berguna daripada daftar prestasi.",
)


@dataclass(frozen=True)
class Answer:
    """One side's feedback on one meeting."""

    ratings: dict[str, int]
    stay_in_touch: bool
    takeaway: str | None

    def to_document(self) -> dict[str, Any]:
        """As the API takes it."""
        return {"ratings": self.ratings, "stay_in_touch": self.stay_in_touch, "takeaway": self.takeaway}


def answer(seed: int, role: str, mentor: str, mentee: str, number: int) -> Answer:
    """What the ``role`` side of the meeting of ``mentor`` and ``mentee`` (names) in round ``number`` says."""
    pair = f"{seed}|{mentor}|{mentee}|{number}"
    liking = random.Random(pair).gauss(0.72, 0.2)
    own = random.Random(f"{pair}|{role}")

    def rate(lowest: int, highest: int) -> int:
        felt = liking + own.gauss(0, 0.1)
        return min(highest, max(lowest, round(lowest + felt * (highest - lowest))))

    special = {"story": rate(1, 5)} if role == "mentee" else {"prepared": rate(1, 5)}
    return Answer(
        {"time_well_spent": rate(1, 7), "would_recommend": rate(0, 10), **special},
        own.random() < liking - 0.1,
        own.choice(TAKEAWAYS) if own.random() < 0.3 else None,
    )
