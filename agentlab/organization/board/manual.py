"""What an agent of a team is told of its roles, and how it writes to the board."""

from agentlab.organization.board.rules import Rules

_TICKET = (
    "Cut the task into tickets. To put one up, write\n"
    '<ticket id="T1"{to}>\nwhat is to be done\n</ticket>\n'
    'A ticket that must wait for others says so: after="T1, T2".'
)
FILE = 'To write a file of the shared workspace, write it whole:\n<file path="NAME">\nits text\n</file>'
_PLAN = "Before there are tickets the team plans. Write your plan between <plan> and </plan> when you are asked to."
_DONE = 'When a ticket of yours is done, write <done id="TICKET">what you did</done>.'
_REVIEW = (
    'When you are asked for a review, answer <review id="TICKET" verdict="approve">why</review> or '
    '<review id="TICKET" verdict="change">what is to be changed</review>.'
)
_CLAIM = 'To take a ticket without an owner, write <claim id="TICKET"></claim>; the first one gets it.'
_PRIVATE = "What you write outside of these tags is private: nobody reads it."


def fixed(rules: Rules) -> list[str]:
    """A line on what nobody may change, if there is anything."""
    return [f"You may not change {', '.join(rules.fixed)}."] if rules.fixed else []


def manual(rules: Rules, writers: frozenset[str], agent: str) -> str:
    """Everything that the agent may write."""
    parts = list[str]()
    if agent in rules.plan_by:
        parts.append(_PLAN)
    if agent in rules.planners and rules.solo is None:
        to = f' to="{rules.workers[0]}"' if rules.lead is not None else ""
        parts.append(_TICKET.format(to=to))
    if agent == rules.lead:
        unowned = "is offered to all" if rules.claim else "goes to whoever has the least to do"
        parts.append(f"The workers are {', '.join(rules.workers)}. A ticket without an owner {unowned}.")
        if not rules.stays:
            parts.append("You are out once the tickets are up: put up all that the task takes, at once.")
    if agent in rules.workers:
        parts.append(FILE)
        parts.append(_DONE)
        parts += fixed(rules)
        if rules.claim and rules.solo is None:
            parts.append(_CLAIM)
    if rules.shared:
        parts += [FILE] if agent not in rules.workers else []
        parts.append(f"Everybody is shown {', '.join(rules.shared)} in every round and may write it.")
    if agent in rules.reviewers:
        parts.append(_REVIEW)
    if agent in writers:
        parts.append("To deliver the final result, write it between <output> and </output>.")
    return "\n".join((*parts, _PRIVATE))
