"""The end of a rollout: its output, its status, its reason, its counted steps."""

from collections.abc import Sequence

from msgspec.structs import replace

from agentlab.engine.spec import RolloutSpec, unstarted
from agentlab.engine.state import State
from agentlab.types import OUTPUT, REJECT, VARIABLE, Call, Message, OutputVia, Rollout, Status


def output_of(state: State) -> Message | None:
    """The last message to `@output` that says anything."""
    return next((m for m in reversed(state.log) if OUTPUT in m.to and m.content.strip()), None)


def finished(spec: RolloutSpec, state: State, via: OutputVia) -> Rollout:
    """The finished rollout. `via` says how the output was made, if there is one."""
    output = output_of(state) if state.status not in ("vetoed", "rejected", "pruned") else None
    order = {agent.name: i for i, agent in enumerate(spec.organization.agents)}
    calls = sorted(state.made(), key=lambda call: (call.round, order.get(call.actor, len(order)), call.actor, call.k))
    steps = state.log[-1].round if spec.budget else None
    agent_calls = [call for call in calls if call.purpose != "product"]
    status = state.status or _status(output, agent_calls)
    return replace(
        unstarted(spec),
        status=status,
        output=output.content if output else None,
        output_via=via if output else "none",
        cut=output is not None and _cut(output, agent_calls, any(VARIABLE in m.to for m in state.log)),
        messages=tuple(state.log),
        calls=tuple(calls),
        error=state.error or _reason(status, state.log, agent_calls),
        steps=steps,
        spent=sum(spec.budget.sizes(calls)[:steps]) if spec.budget else None,
    )


def _cut(output: Message, calls: Sequence[Call], program: bool) -> bool:
    """Whether a length limit cut the output off. An output that ends before its reply does is whole.

    What a program made of replies is cut only if a cut reply ends with it.
    """
    ended = [c.completion for c in calls if (c.actor, c.round) == (output.sender, output.round) and c.completion]
    content = output.content.strip()
    return any(
        reply.stop == "length"
        and (reply.text.rstrip().endswith(content) or (content not in reply.text and not program))
        for reply in ended
    )


def _status(output: Message | None, calls: Sequence[Call]) -> Status:
    """`declined` when the provider refused the turn that was to deliver, or any turn when nothing was delivered.

    A turn of several independent replies is refused if all of them are.
    """
    answers = [(call, call.completion) for call in calls if call.completion and not call.completion.tool_calls]
    if output is None:
        return "declined" if any(reply.stop == "refusal" for _, reply in answers) else "incomplete"
    turn = [reply for call, reply in answers if (call.actor, call.round) == (output.sender, output.round)]
    return "declined" if turn and all(reply.stop == "refusal" for reply in turn) else "delivered"


def _reason(status: Status, log: Sequence[Message], calls: Sequence[Call]) -> str | None:
    """Why nothing was delivered, if a call or the program says so."""
    if status == "rejected":
        return next((message.content for message in reversed(log) if REJECT in message.to), None)
    answers = [call.completion for call in calls if call.completion]
    if status == "declined":
        return next((answer.notice for answer in reversed(answers) if answer.notice), None)
    if status == "incomplete" and log and log[-1].kind == "step":
        return f"the program had another question after {log[-1].round} rounds; raise organization.rounds"
    if status == "incomplete" and answers and answers[-1].stop == "length" and not answers[-1].text.strip():
        return f"truncated: the last reply, of {calls[-1].actor}, was cut off before it said anything"
    return None
