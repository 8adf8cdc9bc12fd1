"""How far trained weights are from the base: replies on one split, scored under the weights that wrote them and under
those of the base.

For replies y that the trained policy wrote, the mean of log p(y) - log p_base(y) is an unbiased estimate of the
Kullback-Leibler divergence KL(trained || base), whatever the two have in common (Schulman 2020, estimator k1). The
estimator k3 has less variance where the two are close, but far apart it needs rare replies that no sample has. In an
organization, the sum over the turns of all agents that learn is that of whole rollouts, by the chain rule.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

from agentlab.engine.prompt import chat
from agentlab.experiment.work import Work
from agentlab.seeds import stream
from agentlab.store import Store
from agentlab.training.loop.arm import Arm
from agentlab.training.loop.turns import checked_prompt
from agentlab.types import Call, ChatMessage, Request, Rollout, Where

KIND = "distance"


@dataclass(frozen=True, slots=True)
class WrittenReply:
    """A reply of an agent that learns, with the prompt that it answered and the one that the base would have had."""

    call: Call
    prompt: tuple[ChatMessage, ...]
    base_prompt: tuple[ChatMessage, ...]


def row_key(rollout: Rollout) -> str:
    """The key of the row that keeps the scores of a rollout; a rollout that is played further is scored anew."""
    return f"{KIND}/{rollout.key}/{rollout.attempt}"


def unscored(arms: Sequence[Arm], store: Store, split: str) -> list[tuple[Arm, str]]:
    """Finished rollouts of these arms on the split without a complete row of scores, with their arm."""
    named = {arm.condition.name: arm for arm in arms}
    unscored_rollouts: list[tuple[Arm, str]] = []
    for rollout in store.rollouts():
        arm = named.get(rollout.condition)
        task = None if arm is None else arm.condition.tasks.get(rollout.task)
        if arm is None or task is None or task.split != split or not store.final(rollout.key):
            continue
        known = store.known.get(row_key(rollout))
        if known is None or known.status is None:
            unscored_rollouts.append((arm, rollout.key))
    return unscored_rollouts


async def score(work: Work, todo: Sequence[tuple[Arm, str]]) -> None:
    """Scores the replies of these rollouts. A rollout with a reply that cannot be scored gets a row that says why."""
    counts: dict[str, int] = {}
    for arm, _ in todo:
        counts[arm.condition.name] = counts.get(arm.condition.name, 0) + 1
    work.progress.plan(counts)
    await work.each([partial(_scored, work, arm, key) for arm, key in todo])


async def _scored(work: Work, arm: Arm, key: str) -> None:
    rollout = work.store.rollout(key)
    replies = _replies(arm, rollout, work.store.recorded(key))
    row = _row(rollout, replies)
    with work.progress.unit(arm.condition.name, row.key) as unit:
        again = row.key in work.store.known
        work.store.begin(row)
        if not isinstance(replies, str):
            failed = work.store.failed_attempts(row.key, judges=False) if again else {}
            recorded = work.store.recorded(row.key) if again else {}
            for reply, (k, condition) in product(replies, enumerate((arm.condition, arm.origin))):
                attempt = 1 + failed.get(reply.call.actor, 0)
                client = replace(work.clients[condition.name], recorded=recorded)
                asked = await client.ask(arm.loop.fields.policy, _request(work.seed, row.key, reply, k, attempt))
                if asked.completion is None:
                    unit.failed = True
                    return
                if asked.completion.logprobs is None:  # the sum over the others would be that of a shorter rollout
                    row = _row(rollout, "the model refused to score a reply")
                    break
        await work.store.finish(row)
        unit.failed = False


def _row(rollout: Rollout, replies: Sequence[WrittenReply] | str) -> Rollout:
    about = {"rollout": rollout.key, "replies": 0 if isinstance(replies, str) else len(replies)}
    return Rollout(
        row_key(rollout),
        "",
        rollout.task,
        "",
        rollout.draw,
        rollout.seed,
        "delivered",
        None,
        "none",
        generation=rollout.generation,
        kind=KIND,
        about=about | ({"left_out": replies} if isinstance(replies, str) else {}),
    )


def _replies(arm: Arm, rollout: Rollout, calls: Mapping[tuple[str, int, int], Call]) -> list[WrittenReply] | str:
    """Every reply of the agents that learn, in order; else why not all of them have a probability."""
    now, before = arm.condition.organization_on(rollout.task), arm.origin.organization_on(rollout.task)
    learning = {agent.name for agent in now.agents if agent.model == arm.loop.fields.policy}
    agent_calls = sorted(
        (call for call in calls.values() if call.purpose == "agent"), key=lambda call: (call.round, call.k)
    )
    replies: list[WrittenReply] = []
    for call in agent_calls:
        answer = call.completion
        if call.actor not in learning or answer is None:
            continue
        if call.k or answer.tool_calls or now.roster[call.actor].offered:
            return "an agent has tools"
        if answer.stop == "length":  # its end was not written
            return "a reply was cut off"
        if answer.stop != "end" or not answer.text.strip() or call.settings.score is not None:
            return "a turn has no reply"
        past = [earlier for earlier in agent_calls if earlier.actor == call.actor and earlier.round < call.round]
        prompt = checked_prompt(now, rollout, past, call)
        replies.append(
            WrittenReply(call, prompt, chat(before, before.roster[call.actor], rollout.messages, past, call.round))
        )
    return replies or "a turn has no reply"


def _request(seed: int, row: str, reply: WrittenReply, k: int, attempt: int) -> Request:
    """Of the reply's probability: at 0 under the weights that wrote it, at 1 under the base's."""
    call = reply.call
    assert call.completion is not None
    settings = replace(call.settings, score=(call.completion.text,), temperature=None, top_p=None, top_k=None)
    at = stream(seed, KIND, row, call.actor, call.round)
    where = Where(row, call.actor, call.round, k, attempt, at, purpose=KIND)
    return Request(
        reply.base_prompt if k else reply.prompt, replace(settings, max_tokens=None, logprobs=None), (), where
    )
