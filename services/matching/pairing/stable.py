"""The stable pairing that is best for mentees: deferred acceptance with capacities.

D. Gale, L. S. Shapley, "College Admissions and the Stability of Marriage", American Mathematical Monthly 69
(1962) 9-15. The proposing side gets, each of them at once, the best that any stable pairing could give.
"""

from heapq import heappop, heappush, heappushpop

from services.matching.pairing.rankings import Choice, Rankings


def stable(rankings: Rankings) -> dict[int, int]:
    """The mentor of each mentee who gets one, over the pairs somebody ranked.

    O(c log c) for c choices. No mentee and mentor would both rather have each other (no blocking pair).
    """
    wishes: list[list[Choice]] = [[] for _ in rankings.mentee_ids]
    for choice in rankings.choices:
        wishes[choice.mentee].append(choice)
    for each in wishes:
        each.sort(key=_mentee_prefers, reverse=True)  # the best last, ready to be popped

    # Each mentor's heap holds whom she keeps, the one she would let go first on top.
    kept: list[list[tuple[tuple[int, int, int, int], int]]] = [[] for _ in rankings.mentor_ids]
    asking = list(range(len(wishes)))[::-1]
    while asking:
        mentee = asking.pop()
        if not wishes[mentee]:
            continue
        wish = wishes[mentee].pop()
        places = rankings.capacities[wish.mentor]
        entry = (_negated(_mentor_prefers(wish)), mentee)
        if len(kept[wish.mentor]) < places:
            heappush(kept[wish.mentor], entry)
        elif places:
            asking.append(heappushpop(kept[wish.mentor], entry)[1])
        else:
            asking.append(mentee)
    pairs = {}
    for mentor, heap in enumerate(kept):
        while heap:
            pairs[heappop(heap)[1]] = mentor
    return pairs


def _mentee_prefers(choice: Choice) -> tuple[int, int, int, int]:
    # Only mentors she did not rank share a place: then the better score, then who wants her more.
    return choice.by_mentee, -choice.score, choice.by_mentor, choice.mentor


def _mentor_prefers(choice: Choice) -> tuple[int, int, int, int]:
    return choice.by_mentor, -choice.score, choice.by_mentee, choice.mentee


def _negated(key: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    return -key[0], -key[1], -key[2], -key[3]
