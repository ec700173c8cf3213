"""The pairing with the most mutual top choices: an exact degree-constrained flow."""

import numpy as np

from services.matching.pairing.lexicographic_flow import lexicographic_flow
from services.matching.pairing.rankings import MUTUAL, ONE_SIDED, Rankings


def most_mutual(rankings: Rankings) -> dict[int, int]:
    """The mentor of each mentee who gets one: the most mutual pairs, then the most one-sided ones, then the
    most ranked ones, then the smallest sum of the places both sides gave each other.

    Counting ranked pairs before summing places keeps the sum from being made small by leaving people out.
    """
    choices = rankings.choices
    if not choices:
        return {}
    mentees, mentors = len(rankings.mentee_ids), len(rankings.mentor_ids)
    sink = mentees + mentors
    who = np.array([choice.mentee for choice in choices], dtype=np.int64)
    whom = np.array([choice.mentor for choice in choices], dtype=np.int64)
    everyone, every_mentor = np.arange(mentees), np.arange(mentors)

    # mentee -> mentor for every choice, mentor -> sink for her places, mentee -> sink for going without.
    tails = np.concatenate([who, mentees + every_mentor, everyone])
    heads = np.concatenate([mentees + whom, np.full(mentors + mentees, sink)])
    capacities = np.concatenate([np.ones(len(choices)), np.array(rankings.capacities), np.ones(mentees)]).astype(
        np.int64
    )
    supplies = np.zeros(sink + 1, dtype=np.int64)
    supplies[:mentees] = 1
    supplies[sink] = -mentees

    kinds = np.array([choice.kind for choice in choices])
    places = np.array([choice.by_mentee + choice.by_mentor for choice in choices])
    nothing = np.zeros(mentors + mentees)
    aims = [
        np.concatenate([cost, nothing]).astype(np.int64)
        for cost in (-(kinds == MUTUAL).astype(int), -(kinds == ONE_SIDED).astype(int), -np.ones(len(who)), places)
    ]
    flow = lexicographic_flow(tails, heads, capacities, supplies, aims)[: len(choices)]
    return {choice.mentee: choice.mentor for choice, taken in zip(choices, flow, strict=True) if taken}
