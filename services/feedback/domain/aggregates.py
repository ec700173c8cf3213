"""What is published of the ratings of a round at a site, and of a whole program, so that it tells of nobody.

A figure is over :data:`~shared.anonymity.K_ANONYMITY` answers or more, and not all of these are the
same (else it says of each who answered what that one said; A. Machanavajjhala et al., "l-diversity: privacy beyond
k-anonymity", ACM Transactions on Knowledge Discovery from Data 1 (2007)). That holds as well for all that can be
reckoned from the figures of rounds, those of the report and each other. To see to it the answers to a question are
divided into blocks, each of k answers or more that are not all the same: every round that is shown is one, what is
hidden of a site is one, and so are all sites together that the report hides. Each figure of all, or of a site, is then
of whole blocks, and so is whatever comes of adding and subtracting them. Figures by role cut across blocks: less the
blocks in which only that role answered, they tell of the role's answers in all the others, so these have to be enough
too.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from services.feedback.domain.ratings import SCALES
from services.feedback.domain.report import CONNECTIONS, NOWHERE, STAY_IN_TOUCH, Cell, Histogram, figures
from shared.anonymity import K_ANONYMITY

_NAMES = UUID("b0a7e1f4-58c3-5d0c-a2f1-94c0f1d6b7a3")

Round = tuple[str, int]
"""A site and the number of a round there, from 1."""
ByRole = Mapping[str | None, Histogram]


@dataclass(frozen=True)
class RoundRated:
    """What may be told of a round at a site: figures by name, as :func:`~services.feedback.domain.report.figures`."""

    site_id: str
    round: int
    figures: Mapping[str, float]


def round_id_of(program_id: str, site_id: str, number: int) -> str:
    """The id of a round at a site."""
    return str(uuid5(_NAMES, "/".join((program_id, site_id, str(number)))))


def rounds_rated(cells: Iterable[Cell], made: Mapping[str, Any], k: int = K_ANONYMITY) -> list[RoundRated]:
    """What may be told of each round beside the report ``made`` of the same ``cells``, where anything may.

    Only ratings are told of rounds. Who chose to stay in touch with whom is known where both did, so that what is left
    of the others' choices would be over fewer answers than it seems.
    """
    by_question: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        by_question[cell.question].append(cell)
    found: dict[Round, dict[str, float]] = defaultdict(dict)
    for question in SCALES:
        for place, histogram in _visible(by_question[question], made["questions"][question], k).items():
            total = histogram.total()
            found[place][f"{question}_mean"] = round(sum(value * n for value, n in histogram.items()) / total, 4)
            found[place][f"{question}_answers"] = total
    return [RoundRated(site, number, told) for (site, number), told in sorted(found.items())]


def published_figures(made: Mapping[str, Any]) -> dict[str, float]:
    """Those of the report's figures that other systems may hear, who hear as well who has answered and who connected.

    Left out are those by which all answered the same, and by role both where one of the two is; and how many chose to
    stay in touch, as in :func:`rounds_rated`.
    """
    questions: dict[str, Any] = {}
    for name, parts in made["questions"].items():
        if name == STAY_IN_TOUCH:
            continue
        if name == CONNECTIONS:
            questions[name] = parts
            continue
        sides = parts["by_role"] if all(_differs(each) for each in parts["by_role"].values()) else {}
        questions[name] = {"all": parts["all"] if _differs(parts["all"]) else _NOTHING, "by_role": sides}
    return figures({**made, "questions": questions})


_NOTHING: Mapping[str, Any] = {"answers": None, "mean": None, "distribution": None}


def _differs(figure: Mapping[str, Any]) -> bool:
    return figure["answers"] is None or len(figure["distribution"]) > 1


def _visible(cells: Iterable[Cell], question: Mapping[str, Any], k: int) -> dict[Round, Histogram]:
    """The rounds whose answers to one question may be told of, with these."""
    answers: dict[Round, dict[str | None, Histogram]] = defaultdict(lambda: defaultdict(Counter))
    for cell in cells:
        answers[cell.site_id or NOWHERE, cell.round or 0][cell.role][cell.value] += cell.count
    shown_sites = {site for site, figure in question["by_site"].items() if figure["answers"] is not None}
    visible: set[Round] = set()
    blocks: list[list[Round]] = [[place for place in answers if place[0] not in shown_sites]]
    for site in sorted(shown_sites):
        rounds = sorted(place for place in answers if place[0] == site)
        here = _visible_of_site(rounds, answers, k) if site != NOWHERE else set()
        visible |= here
        blocks += [[place] for place in sorted(here)] + [[place for place in rounds if place not in here]]
    by_role = {role for role, figure in question["by_role"].items() if figure["answers"] is not None}
    joined = [_by_role(answers[place] for place in block) for block in blocks]
    if question["all"]["answers"] is None or not all(_is_told(_mixed(joined, role), k) for role in by_role):
        return {}
    return {place: _sum(answers[place].values()) for place in sorted(visible)}


def _visible_of_site(rounds: Iterable[Round], answers: Mapping[Round, ByRole], k: int) -> set[Round]:
    whole = {place: _sum(answers[place].values()) for place in rounds}
    visible = {place for place, histogram in whole.items() if _is_enough(histogram, k)}
    for place in sorted(visible, key=lambda each: (whole[each].total(), each)):
        if _is_told(_sum(histogram for each, histogram in whole.items() if each not in visible), k):
            break
        visible.remove(place)
    return visible


def _mixed(blocks: Iterable[ByRole], role: str) -> Histogram:
    """A role's answers in the blocks in which another role has answered too."""
    return _sum(block[role] for block in blocks if role in block and len(block) > 1)


def _by_role(parts: Iterable[ByRole]) -> ByRole:
    joined: dict[str | None, Histogram] = defaultdict(Counter)
    for part in parts:
        for role, histogram in part.items():
            joined[role].update(histogram)
    return dict(joined)


def _is_told(histogram: Histogram, k: int) -> bool:
    """Whether these answers may be reckoned from what is told: there are none, or enough."""
    return not histogram.total() or _is_enough(histogram, k)


def _is_enough(histogram: Histogram, k: int) -> bool:
    return histogram.total() >= k and len(+histogram) > 1


def _sum(histograms: Iterable[Histogram]) -> Histogram:
    joined: Histogram = Counter()
    for each in histograms:
        joined.update(each)
    return joined
