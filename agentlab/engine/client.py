"""One model call: found by its identity if it was made before; otherwise made once, committed, and then returned."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentlab.cancellation import is_asked
from agentlab.engine.prompt_hash import answers, hash_of
from agentlab.errors import MismatchError, ModelError, Stopped
from agentlab.interfaces import Model
from agentlab.models.scoring import checked
from agentlab.models.storable import storable
from agentlab.models.thought import spoken
from agentlab.text import utf8_safe
from agentlab.types import Call, CallPlace, Completion, Message, Request, Usage

Record = Callable[[str, Call], Awaitable[None]]
"""Hands a call of the rollout with this key to the store; what it returns is done after the commit. The same identity
again adds tool results."""
Read = Callable[[Completion], Completion]
"""Adds to a reply the tool calls that its text contains."""
Price = Callable[[str, Usage | None, float], float | None]
"""US dollars of a usage of the model with this alias, at a time in seconds since the epoch; None when unknown."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a selector says of one try: a score, or its group of equal answers. Empty when it could not tell."""

    text: str
    calls: tuple[Call, ...] = ()
    error: str | None = None
    """Why a call failed, if the reason may pass."""


Select = Callable[[str, Sequence[Message], int], Awaitable[Finding]]
"""Looks at one try: its text, the log so far, and the round."""


async def _forget(rollout: str, call: Call) -> None:
    """Keeps nothing."""


def _nowhere(spec: Any) -> None:
    """Tells nobody."""


def _unpriced(model: str, usage: Usage | None, when: float) -> float | None:
    return None


@dataclass(frozen=True, slots=True)
class Client:
    """Everything a rollout needs to reach models: the models by alias, the store's `record`, and prices."""

    models: Mapping[str, Model]
    record: Record = _forget
    price: Price = _unpriced
    recorded: Mapping[CallPlace, Call] = field(default_factory=dict[CallPlace, Call])
    """Calls of this rollout that succeeded before."""
    select: Select | None = None
    """For a baseline of several tries: its selector."""
    begin: Callable[[Any], None] = _nowhere
    """Is told the `RolloutSpec` of a particle before it is played, so that a recorded run can find its calls."""

    async def ask(self, alias: str, request: Request, prompt_hash: str | None = None, read: Read | None = None) -> Call:
        """The recorded call. A call that failed is a value with `error`, not an exception.

        `prompt_hash` is that of the request, if it is known already. `read` finds tool calls in the text of a reply
        before it is recorded.

        Raises `Stopped` when the request was not sent because the run is being stopped. Raises `MismatchError` when the
        stored call at this place answers another prompt, since paying a second time would go unnoticed.
        """
        call, commit = await self.answer(alias, request, prompt_hash, read)
        if commit is not None:
            await commit
        return call

    async def answer(
        self, alias: str, request: Request, prompt_hash: str | None = None, read: Read | None = None
    ) -> tuple[Call, asyncio.Future[None] | None]:
        """Like `ask`, without the wait for the commit, which the caller must await before it uses the call.

        There is nothing to wait for where the call was on record before.
        """
        where, prompt_hash = request.where, prompt_hash or hash_of(request)
        recorded = self.recorded.get((where.actor, where.round, where.k))
        if recorded is not None:
            if not answers(recorded.prompt_hash, prompt_hash, request):
                raise MismatchError(
                    f"rollout {where.rollout}: the stored call of {where.actor!r} in round {where.round} answers a "
                    f"different prompt than the one that would be sent now; use --new or --out for a fresh run folder"
                )
            return recorded, None
        model = self.models[alias]
        started, clock = time.time(), time.perf_counter()
        completion, error, tries = await _complete(model, request)
        completion = read(completion) if read is not None and completion is not None else completion
        seconds = time.perf_counter() - clock
        if completion is not None and completion.seconds is not None:
            seconds = completion.seconds
        call = Call(
            actor=where.actor,
            round=where.round,
            k=where.k,
            attempt=where.attempt,
            model=model.name,
            settings=request.settings,
            prompt_hash=prompt_hash,
            completion=completion,
            started=started,
            seconds=seconds,
            cost=self.price(alias, completion.usage, started) if completion else None,
            error=error,
            seeded=model.capabilities.seed,
            tries=tries,
            purpose=where.purpose,
            judge=where.judge,
            judge_draw=where.judge_draw,
        )
        commit = self.record(where.rollout, call)
        return call, commit if isinstance(commit, asyncio.Future) else asyncio.ensure_future(commit)


async def _complete(model: Model, request: Request) -> tuple[Completion | None, str | None, int]:
    """The completion or None, the error or None, and how many requests were made."""
    try:
        completion = checked(request, spoken(storable(await model.complete(request))))
        return completion, None, completion.tries
    except Stopped:
        raise
    except ModelError as error:
        if error.kind == "refused":  # nothing was answered, so that it used no tokens
            return Completion("", usage=Usage(), stop="refusal", notice=utf8_safe(error.message)), None, error.tries
        return None, utf8_safe(str(error)), error.tries
    except asyncio.CancelledError:
        if is_asked():
            raise
        return None, "fatal: the model raised CancelledError", 1
    except Exception as error:  # one's own model may raise anything; its siblings must finish and be stored
        return None, utf8_safe(f"fatal: {type(error).__name__}: {error}"), 1
