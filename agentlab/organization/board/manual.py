"""What an agent of a team is told of its roles, and how it writes to the board."""

from agentlab.organization.board.route import TOOLS as TICKETS
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


_TOOLS = {
    "ticket": "Cut the task into tickets. To put one up, use the tool `ticket`.",
    "write": "To write a file of the shared workspace, use the tool `write`.",
    "done": "When a ticket of yours is done, say so with the tool `done`.",
    "review": "When you are asked for a review, give it with the tool `review`.",
    "claim": "To take a ticket without an owner, use the tool `claim`; the first one gets it.",
}
"""In place of tags, for those who have the tool."""
_ENDED = "What you do with a tool counts once your turn is over. If it cannot be done, the board tells you then."
_WITH_TOOLS = "What you write beside your tools is private: nobody reads it."


def fixed(rules: Rules) -> list[str]:
    """A line on what nobody may change, if there is anything."""
    return [f"You may not change {', '.join(rules.fixed)}."] if rules.fixed else []


def manual(rules: Rules, writers: frozenset[str], agent: str, tools: frozenset[str] = frozenset()) -> str:
    """Everything that the agent may do: with its tools, or with tags where it has no tool for it."""
    parts, tags = list[str](), list[str]()

    def may(tool: str, tag: str) -> None:
        parts.append(_TOOLS[tool] if tool in tools else tag)
        tags.extend(() if tool in tools else (tool,))

    if agent in rules.plan_by:
        parts.append(_PLAN)
        tags.append("plan")
    if agent in rules.planners and rules.solo is None:
        may("ticket", _TICKET.format(to=f' to="{rules.workers[0]}"' if rules.lead is not None else ""))
    if agent == rules.lead:
        parts += _of_lead(rules)
    if agent in rules.workers:
        may("write", FILE)
        may("done", _DONE)
        parts += fixed(rules)
        if rules.claim and rules.solo is None:
            may("claim", _CLAIM)
    if rules.shared:
        if agent not in rules.workers:
            may("write", FILE)
        parts.append(f"Everybody is shown {', '.join(rules.shared)} in every round and may write it.")
    if agent in rules.reviewers:
        may("review", _REVIEW)
    if not tools.isdisjoint(TICKETS):
        parts.append(_ENDED)
    if agent in writers:
        parts.append("To deliver the final result, write it between <output> and </output>.")
        tags.append("output")
    return "\n".join((*parts, _PRIVATE if tags or not tools else _WITH_TOOLS))


def _of_lead(rules: Rules) -> list[str]:
    unowned = "is offered to all" if rules.claim else "goes to whoever has the least to do"
    parts = [f"The workers are {', '.join(rules.workers)}. A ticket without an owner {unowned}."]
    if not rules.stays:
        parts.append("You are out once the tickets are up: put up all that the task takes, at once.")
    return parts
