"""The planner: the fairest, then best, then calmest plan, with a proof. Pure: no I/O, no clock it depends on.

``read_input`` checks a document of format ``speedmentor.plan-input/1``; ``solve`` gives the plan.
"""

from services.matching.planner.exact import warm
from services.matching.planner.input import InputFaults, read_input
from services.matching.planner.model import PlanInput
from services.matching.planner.plan import Plan
from services.matching.planner.solving import solve

__all__ = ["InputFaults", "Plan", "PlanInput", "read_input", "solve", "warm"]
