"""What the quality of a plan means, in plain words."""

from services.matching.pictures.view import PlanView
from shared.messages import Message, say


def verdict(plan: PlanView) -> Message:
    """The certificate in a few words."""
    if _nobody_can_meet(plan):
        return say("Nobody can meet")
    if plan.quality["certified"]:
        return say("Proved best")
    if plan.quality["gap"] == 0:
        return say("The best of its kind")
    return say("Close to the best, and how close is proved")


def certificate(plan: PlanView) -> Message:
    """What is proved about the value of this plan, and what is not."""
    quality = plan.quality
    if _nobody_can_meet(plan):
        return say(
            "By what the input says nobody may meet anybody, and that is proved. Why is said below, and it may be a"
            " slip in the input."
        )
    if quality["certified"]:
        return say(
            "No plan can share the meetings out more fairly, and no plan as fair is worth more. That is proved over"
            " every pair that may meet, not only over those that were tried."
        )
    if quality["gap"] == 0:
        return say(
            "No plan that shares the meetings out like this one is worth more. Whether they could be shared out more"
            " fairly is not proved: not everybody is there in every round."
        )
    return say(
        "This plan is worth {score}. It is proved that no plan that shares the meetings out like this one can be worth"
        " more than {bound}. So what a longer search could still gain that way is at most {gap}, and maybe nothing.",
        score=int(quality["score"]),
        bound=int(quality["bound"]),
        gap=share(quality["gap"]),
    )


def fairness(plan: PlanView) -> Message:
    """How the meetings are shared out among the mentees."""
    least, mean, most = plan.spread
    if least == most:
        return say("Every mentee has the same number of meetings: {count}.", count=most)
    if plan.quality["certified"]:
        return say(
            "Mentees have from {least} to {most} meetings, {mean} on average. Nobody can be given one more without"
            " leaving somebody else with as few, or fewer.",
            least=least,
            most=most,
            mean=round(mean, 2),
        )
    return say(
        "Mentees have from {least} to {most} meetings, {mean} on average.",
        least=least,
        most=most,
        mean=round(mean, 2),
    )


def _nobody_can_meet(plan: PlanView) -> bool:
    return bool(plan.quality["certified"]) and plan.quality["meetings"] == 0


class Share(float):
    """A part of a whole, 0 to 1, to be said as a percentage."""


def share(part: float) -> Share:
    """``part`` as a percentage when it is said."""
    return Share(part)
