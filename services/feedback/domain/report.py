"""A program's figures, none of them over fewer than :data:`K_ANONYMITY` answers.

Source: L. Sweeney, "k-anonymity: a model for protecting privacy", International Journal of Uncertainty, Fuzziness and
Knowledge-Based Systems 10 (2002).

Hiding small groups is not enough: whoever has the figure of all and those of the groups shown gets, by subtracting,
the figure of all that is hidden. So what is hidden must be K answers or more too. Where it is not, the smallest
group shown is hidden as well (complementary suppression: L. H. Cox, "Suppression methodology and statistical
disclosure control", Journal of the American Statistical Association 75 (1980)). For the same reason a report is made
once, when the program is closed: two reports with one answer between them would tell that answer.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.feedback.domain import MENTEE, MENTOR
from services.feedback.domain.ratings import SCALES
from shared.anonymity import K_ANONYMITY, shown

STAY_IN_TOUCH: Final = "stay_in_touch"
CONNECTIONS: Final = "connections"

_KINDS_OF_PAIRS: Final = ("mutual", "one-sided", "ranked", "assigned")

NOWHERE: Final = ""
"""The site of those who meet at none."""


@dataclass(frozen=True, slots=True)
class Cell:
    """How often one answer was given: ``count`` times ``value`` to ``question``, by ``role`` at a site in a round.

    Yes and no are 1 and 0. A pair's connection has no role and no round: it is of both, and for good.
    """

    question: str
    value: int
    count: int
    site_id: str | None = None
    role: str | None = None
    round: int | None = None


Histogram = Counter[int]
Figure = dict[str, Any]


def report(cells: Iterable[Cell], held: int, answers: int) -> dict[str, Any]:
    """The report: per question the figures of all, by role and by site.

    A figure has ``answers`` (how many), ``mean`` and ``distribution`` (value -> how often); of a figure that is
    not shown all three are None. ``held`` counts meetings, ``answers`` sides of meetings that said something.
    """
    by_question: dict[str, list[Cell]] = {name: [] for name in (*SCALES, STAY_IN_TOUCH, CONNECTIONS)}
    for cell in cells:
        by_question[cell.question].append(cell)
    return {
        "k": K_ANONYMITY,
        "held": held,
        "answers": answers,
        "questions": {name: _question(found) for name, found in by_question.items()},
    }


def _question(cells: list[Cell]) -> dict[str, Any]:
    whole = _histogram(cells)
    by_role = {
        role: _histogram(cell for cell in cells if cell.role == role)
        for role in (MENTOR, MENTEE)
        if any(cell.role == role for cell in cells)
    }
    sites = sorted({cell.site_id or NOWHERE for cell in cells})
    by_site = {site: _histogram(cell for cell in cells if (cell.site_id or NOWHERE) == site) for site in sites}
    roles_shown = set() if _crosses(cells) else shown({role: each.total() for role, each in by_role.items()})
    sites_shown = shown({site: each.total() for site, each in by_site.items()})
    return {
        "all": _figure(whole, whole.total() >= K_ANONYMITY),
        "by_role": {role: _figure(each, role in roles_shown) for role, each in by_role.items()},
        "by_site": {site: _figure(each, site in sites_shown) for site, each in by_site.items()},
    }


def _crosses(cells: Iterable[Cell], k: int = K_ANONYMITY) -> bool:
    """Whether figures by role, less figures by site, would tell of fewer than ``k`` answers.

    They can be subtracted where one group lies within the other: a site at which only one side answered, or a side
    that answered at one site only.
    """
    sizes: Counter[tuple[str, str | None]] = Counter()
    for cell in cells:
        sizes[cell.site_id or NOWHERE, cell.role] += cell.count
    by_site: dict[str, dict[str | None, int]] = {}
    by_role: dict[str | None, dict[str, int]] = {}
    for (site, role), size in sizes.items():
        by_site.setdefault(site, {})[role] = size
        by_role.setdefault(role, {})[site] = size
    sites_shown = shown({site: sum(roles.values()) for site, roles in by_site.items()}, k)
    rests = [
        sum(size for site, size in sites.items() if site not in within)
        for sites in by_role.values()
        for inside in [{site for site in sites if len(by_site[site]) == 1}]
        # What is hidden can be subtracted as a whole.
        for within in (inside, inside & sites_shown)
    ]
    rests += [
        sum(by_site[next(iter(sites))].values()) - sum(sites.values()) for sites in by_role.values() if len(sites) == 1
    ]
    return any(0 < rest < k for rest in rests)


def _figure(histogram: Histogram, visible: bool) -> Figure:
    if not visible:
        return {"answers": None, "mean": None, "distribution": None}
    total = histogram.total()
    return {
        "answers": total,
        "mean": round(sum(value * count for value, count in histogram.items()) / total, 4),
        "distribution": {str(value): histogram[value] for value in sorted(histogram)},
    }


def _histogram(cells: Iterable[Cell]) -> Histogram:
    histogram: Histogram = Counter()
    for cell in cells:
        histogram[cell.value] += cell.count
    return histogram


def figures(made: Mapping[str, Any]) -> dict[str, float]:
    """The figures that are published, by name: those shown of all sites together, ``<question>_mean`` and
    ``<question>_answers`` with ``_mentor`` or ``_mentee`` behind for one side, shares as means of 0 and 1."""
    found: dict[str, float] = {}
    for question, parts in made["questions"].items():
        sides = {"": parts["all"], **{f"_{role}": figure for role, figure in parts["by_role"].items()}}
        for side, figure in sides.items():
            if figure["answers"] is not None:
                found[f"{question}_mean{side}"] = figure["mean"]
                found[f"{question}_answers{side}"] = figure["answers"]
    connections = made["questions"][CONNECTIONS]["all"]["distribution"]
    if connections is not None:
        found[CONNECTIONS] = connections.get("1", 0)
    return found


def pairing(published: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Who goes on with whom, in numbers, as matching has published them; None without a pairing.

    Of what kind a pair is comes of both sides' rankings, so it is told as an answer is: of ``stable`` and
    ``most_mutual`` (kind -> pairs) a kind is None that would tell of fewer than :data:`K_ANONYMITY` pairs, be it by
    subtraction from all pairs. With fewer than that in all, both are None and so are ``pairs`` and
    ``mentees_left_over``. Who took part and who is left over are heads, and no answers.
    """
    if published is None:
        return None
    told = {name: published[name] for name in ("revision", "method", "mentors", "mentees")}
    visible = published["pairs"] >= K_ANONYMITY
    heads = {name: published[name] if visible else None for name in ("pairs", "mentees_left_over")}
    return told | heads | {name: _by_kind(published[name]) if visible else None for name in ("stable", "most_mutual")}


def _by_kind(counted: Mapping[str, int]) -> dict[str, int | None]:
    # Matching leaves out what is hidden; one of before 0.2.0 publishes all.
    kept = shown(counted)
    return {kind: counted[kind] if kind in kept else None for kind in _KINDS_OF_PAIRS}


def pairing_figures(made: Mapping[str, Any] | None) -> dict[str, float]:
    """The figures of the published pairing, by name."""
    if made is None or made["pairs"] is None:
        return {}
    by_kind: Mapping[str, int | None] = made[made["method"].replace("-", "_")]
    told = {f"pairs_{kind.replace('-', '_')}": count for kind, count in by_kind.items() if count is not None}
    return {"pairs": made["pairs"], **told}
