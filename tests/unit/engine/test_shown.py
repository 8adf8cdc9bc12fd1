"""What a prompt shows of a long turn: never more than it may, and the same whether folded or made at once."""

from hypothesis import given, settings
from hypothesis import strategies as st

from agentlab.engine.prompt import Fold, chat
from agentlab.engine.prompt_hash import entry_hash
from agentlab.engine.shown import left_out
from agentlab.organization.agents import Agent, Organization, TurnLimits
from agentlab.organization.protocols.chain import ChainConfig
from agentlab.types import TASK, Call, Completion, Message, Settings, ToolCall, ToolResult

SIZES = st.lists(st.integers(0, 600), max_size=60)
LOG = (Message(TASK, ("ann",), "task", "Do it.", round=0, index=0),)


def organization(shown: int | None, guide: str) -> Organization:
    ann = Agent("ann", guide=guide)
    protocol = ChainConfig(kind="chain", stages=(("ann",),)).build(("ann",), None, None)
    return Organization((ann,), protocol, 3, turn=TurnLimits(500, shown))


def turn(sizes: list[int]) -> list[Call]:
    return [
        Call(
            *("ann", 1, k, 1, "m", Settings(), ""),
            Completion(f"step {k}", (ToolCall(f"c{k}", "read", "{}"),)),
            (ToolResult(f"c{k}", "x" * size),),
        )
        for k, size in enumerate(sizes)
    ]


@settings(max_examples=40)
@given(SIZES, st.integers(1000, 4000))
def test_what_is_shown_stays_below_the_limit_and_is_cut_in_halves(sizes: list[int], most: int) -> None:
    before = 0
    for n in range(len(sizes) + 1):
        first = left_out(sizes[:n], most)
        assert sum(sizes[first:n]) <= most
        assert before <= first <= max(0, n - 1)
        if first > before:  # so much is left out at once that prompts then only grow for a while
            assert sum(sizes[first:n]) <= most // 2 or first == n - 1
        before = first
    assert left_out(sizes, None) == 0


@settings(max_examples=40)
@given(SIZES.filter(bool), st.sampled_from(["", "Write calls as tags."]))
def test_the_fold_is_what_the_chat_is_made_anew(sizes: list[int], guide: str) -> None:
    team, calls, fold = organization(1500, guide), turn(sizes), Fold()
    for n in range(len(calls) + 1):
        entries, hashes = fold.chat(team, team.agents[0], LOG, calls[:n], 1)
        assert entries == chat(team, team.agents[0], LOG, calls[:n], 1)
        assert hashes == b"".join(map(entry_hash, entries))
    later, _ = fold.copy().chat(team, team.agents[0], LOG, calls, 2)
    assert later == chat(team, team.agents[0], LOG, calls, 2)


def test_an_older_result_becomes_a_line_that_says_so() -> None:
    team = organization(1000, "")
    shown = chat(team, team.agents[0], LOG, turn([500, 500, 500]), 1)
    results = [entry.content for entry in shown if entry.role == "tool"]
    assert results[0] == "(500 characters, no longer shown; use the tool again to see them)"
    assert results[2] == "x" * 500
