"""What may be shown of groups of people without telling of few of them.

Source: L. Sweeney, "k-anonymity: a model for protecting privacy", International Journal of Uncertainty, Fuzziness and
Knowledge-Based Systems 10 (2002); L. H. Cox, "Suppression methodology and statistical disclosure control", Journal of
the American Statistical Association 75 (1980).
"""

from collections.abc import Mapping
from typing import Final

K_ANONYMITY: Final = 5
"""Answers that a figure needs to be shown."""


def shown(sizes: Mapping[str, int], k: int = K_ANONYMITY) -> set[str]:
    """Which groups of a whole may be shown beside it, given how many answers each has.

    Each has ``k`` or more, and so have all hidden ones together (or none is hidden).
    """
    kept = {name for name, size in sizes.items() if size >= k}
    for name in sorted(kept, key=lambda each: (sizes[each], each)):
        hidden = sum(size for each, size in sizes.items() if each not in kept)
        if hidden == 0 or hidden >= k:
            break
        kept.remove(name)
    return kept
