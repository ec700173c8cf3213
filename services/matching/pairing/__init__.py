"""The final pairing: who goes on with whom after the event, from what both sides rank."""

from services.matching.pairing.pairs import Pair, Pairs, pair
from services.matching.pairing.rankings import Rankings
from services.matching.pairing.reading import read_rankings

__all__ = ["Pair", "Pairs", "Rankings", "pair", "read_rankings"]
