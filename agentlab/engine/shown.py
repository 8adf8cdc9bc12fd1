"""How later prompts show the calls of a turn: replies and newer results whole, each older result as one line."""

from collections.abc import Iterator, Sequence

from agentlab.organization.agents import Agent
from agentlab.organization.tagged import results
from agentlab.types import Call, ChatMessage


def size(call: Call) -> int:
    """Characters of what its tools returned."""
    return sum(len(result.content) for result in call.tool_results)


def left_out(sizes: Sequence[int], most: int | None) -> int:
    """How many of a turn's calls, oldest first, have their results shown as one line.

    Once the results exceed `most` characters, the oldest are left out until half of `most` remains. In between, a
    prompt only grows, so that a provider can reuse its cache of the beginning. The last call's results always stay.
    """
    first = total = 0
    for last, added in enumerate(sizes):
        total += added
        if most is not None and total > most:
            while total > most // 2 and first < last:
                total -= sizes[first]
                first += 1
    return first


def entries(agent: Agent, call: Call, whole: bool) -> Iterator[ChatMessage]:
    """A call's reply and the results of its tools, or a line for each result where they are not shown `whole`."""
    if call.completion is None:
        return
    answer = call.completion
    if agent.guide:
        yield ChatMessage("assistant", answer.text, opaque=answer.opaque)
        if call.tool_results:
            yield results(call, [_content(result.content, whole) for result in call.tool_results])
        return
    yield ChatMessage("assistant", answer.text, answer.tool_calls, opaque=answer.opaque)
    for result in call.tool_results:
        yield ChatMessage("tool", _content(result.content, whole), tool_call_id=result.id)


def _content(text: str, whole: bool) -> str:
    line = f"({len(text):,} characters, no longer shown; use the tool again to see them)"
    return text if whole or len(text) <= len(line) else line
