"""The best of several aims, one after the other, over pairings with capacities: exact at any size.

Folding the aims into one cost with ever larger weights overflows 64 bits on large events. Instead each aim is
a minimum-cost flow of its own, and the next may only move on the optimal face of those before: an arc whose
reduced cost is not zero keeps its flow (complementary slackness; R. K. Ahuja, T. L. Magnanti, J. B. Orlin,
"Network Flows", 1993, chapter 9).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from ortools.graph.python import min_cost_flow

Ints = npt.NDArray[np.int64]


def lexicographic_flow(tails: Ints, heads: Ints, capacities: Ints, supplies: Ints, aims: Sequence[Ints]) -> Ints:
    """The flow on each arc that minimizes ``aims[0]`` (a cost per unit on each arc), among those ``aims[1]``
    and so on. ``supplies`` (per node, summing to 0) must be feasible.
    """
    flow = np.zeros(len(tails), dtype=np.int64)
    free = np.ones(len(tails), dtype=bool)
    supplies = supplies.copy()
    for aim in aims:
        flow[free] = _cheapest(tails[free], heads[free], capacities[free], supplies, aim[free])
        reduced = _reduced_costs(tails, heads, capacities, flow, aim, free)
        settled = free & (reduced != 0)
        np.subtract.at(supplies, tails[settled], flow[settled])
        np.add.at(supplies, heads[settled], flow[settled])
        free &= ~settled
    return flow


def _cheapest(tails: Ints, heads: Ints, capacities: Ints, supplies: Ints, costs: Ints) -> Ints:
    solver = min_cost_flow.SimpleMinCostFlow()
    arcs = solver.add_arcs_with_capacity_and_unit_cost(tails, heads, capacities, costs)
    solver.set_nodes_supplies(np.arange(len(supplies)), supplies)
    status = solver.solve()
    if status != solver.OPTIMAL:
        raise ArithmeticError(f"the flow has no optimum: {status}")
    return np.asarray(solver.flows(arcs), dtype=np.int64)


def _reduced_costs(
    tails: Ints, heads: Ints, capacities: Ints, flow: Ints, costs: Ints, free: npt.NDArray[np.bool_]
) -> Ints:
    """Costs seen with optimal duals: shortest distances in the residual network, which has no negative cycle
    where the flow is optimal (Bellman and Ford, all arcs at once)."""
    onward, back = free & (flow < capacities), free & (flow > 0)
    starts = np.concatenate([tails[onward], heads[back]])
    ends = np.concatenate([heads[onward], tails[back]])
    lengths = np.concatenate([costs[onward], -costs[back]])
    nodes = int(max(tails.max(initial=0), heads.max(initial=0))) + 1
    distance = np.zeros(nodes, dtype=np.int64)
    while True:
        nearer = distance.copy()
        np.minimum.at(nearer, ends, distance[starts] + lengths)
        if np.array_equal(nearer, distance):
            return costs + distance[tails] - distance[heads]
        distance = nearer
