"""The final pairing: who goes on with whom after the event, from what both sides rank."""

from services.matching.pairing.pairs import Pair, Pairs, pair
from services.matching.pairing.planned import by_plan
from services.matching.pairing.rankings import KINDS, TOP, Rankings
from services.matching.pairing.reading import read_rankings

__all__ = ["KINDS", "TOP", "Pair", "Pairs", "Rankings", "by_plan", "pair", "read_rankings"]
