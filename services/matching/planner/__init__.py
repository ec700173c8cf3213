"""The planner: the fairest, then best, then calmest plan, with a proof. Pure: no I/O, no clock it depends on.

``read_input`` checks a document of format ``speedmentor.plan-input/1``; ``solve`` gives the plan.

``input`` is what is asked, ``problem`` the same in arrays; ``flow`` says who meets whom, ``rounds`` when, where people
miss some; ``answer`` is what comes of it.
"""

from services.matching.planner.answer.plan import Plan
from services.matching.planner.input.model import PlanInput
from services.matching.planner.input.plan_document import InputFaults, read_input
from services.matching.planner.rounds.integer_programming import warm
from services.matching.planner.solving import solve

__all__ = ["InputFaults", "Plan", "PlanInput", "read_input", "solve", "warm"]
