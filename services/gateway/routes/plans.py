"""Plans: who meets whom."""

from typing import Any

from services.gateway.routes.common import key, section
from services.gateway.routes.knowing import ask_of_program
from services.gateway.schemas import views

blueprint = section("plans", "Who meets whom, when and at which table.")


@blueprint.route("/programs/<id:program_id>/plan", methods=["POST"])
@blueprint.response(202, views.Plan)
def request_plan(program_id: str) -> Any:
    """Have a plan made; look at the plan's state to see when it is there."""
    return ask_of_program("matching", "request_plan", program_id=program_id, idempotency_key=key())


@blueprint.route("/programs/<id:program_id>/plan")
@blueprint.refuses(403, 409)
@blueprint.response(200, views.Plan)
def get_plan(program_id: str) -> Any:
    """The plan as it is now, and how good it is."""
    return ask_of_program("matching", "get_plan", program_id=program_id)


@blueprint.route("/programs/<id:program_id>/plan/cancellation", methods=["POST"])
@blueprint.response(200, views.PlanState)
def cancel_plan(program_id: str) -> Any:
    """Stop a plan that is being made; the one that holds stays."""
    return ask_of_program("matching", "cancel_plan", program_id=program_id, idempotency_key=key())
