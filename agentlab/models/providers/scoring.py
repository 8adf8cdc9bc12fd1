"""The probability of a given reply, its end of turn included, from servers that each tell it in another way.

llama.cpp tells nothing of a prompt. A grammar of token ids, `root ::= <[7042]> <[30]>`, forces the reply token by
token, and what it reports of each token is the model's own log-probability, before the grammar and sampling settings.
A grammar of characters would not do: it lets the sampler spell the text in other tokens. vLLM tells the
log-probabilities of a prompt: the chat, the reply and the end of the turn go in as token ids.
"""

import asyncio
import math
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

from msgspec import structs

from agentlab.errors import ModelError
from agentlab.models.providers.failures import UNREADABLE, scrub, unread
from agentlab.models.providers.shape import NUMBER, Shape, check, entries, one_of, some
from agentlab.models.scoring import scored
from agentlab.types import Completion, Request, Usage

Ask = Callable[[str, dict[str, Any]], Coroutine[Any, Any, Any]]
"""Posts a body to a path of the server; the reply's JSON. Raises `ModelError`."""
Score = Callable[[Ask, dict[str, Any], str], Coroutine[Any, Any, tuple[float, Usage]]]
"""The natural-log probability of one text as the whole reply to a chat request's body, and what it used."""

_TOKENS = one_of(tokens=entries(NUMBER))
_USAGE = some(prompt_tokens=NUMBER, completion_tokens=NUMBER)


def _chosen(choice: Shape) -> Shape:
    return Shape(("object",), must={"choices": entries(choice, filled=True)}, may={"usage": _USAGE})


_FORCED = _chosen(some(logprobs=some(content=entries(one_of(logprob=NUMBER)))))
_ECHOED = _chosen(some(prompt_logprobs=entries()))


async def complete(ask: Ask, score: Score, body: dict[str, Any], request: Request, key: str = "") -> Completion:
    """Scores each text of `request.settings.score`. `body` is the chat request without them; `key` is kept out of
    errors."""
    texts = request.settings.score or ()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_held(score(ask, body, text), key)) for text in texts]
    results = [task.result() for task in tasks]
    for result in results:
        if isinstance(result, ModelError):
            raise result
    scores = [result for result in results if not isinstance(result, ModelError)]
    usage = sum((used for _, used in scores), Usage())
    return scored(texts, [logprob for logprob, _ in scores], request.where.stream, usage)


def unscored(request: Request) -> Request:
    """The request without the texts, and without what would end or shape a reply."""
    settings = replace(request.settings, score=None, logprobs=None, stop=None, schema=None)
    return structs.replace(
        request, settings=replace(settings, temperature=None, top_p=None, top_k=None, max_tokens=None)
    )


async def forced(ask: Ask, body: dict[str, Any], text: str) -> tuple[float, Usage]:
    """llama.cpp: the reply is forced by a grammar of its token ids."""
    ids = await _tokens(ask, {"content": text, "add_special": False})
    grammar = "root ::= " + " ".join(f"<[{token}]>" for token in ids)
    sent = {"temperature": 0.0, "max_tokens": len(ids) + 1, "logprobs": True, "top_logprobs": 1, "grammar": grammar}
    reply = await ask("/v1/chat/completions", {**body, **sent, "post_sampling_probs": False})
    logprobs: Mapping[str, Any] = check(reply, _FORCED)["choices"][0].get("logprobs") or {}
    given: Sequence[Mapping[str, Any]] = logprobs.get("content") or ()
    if len(given) != len(ids) + 1:
        wrong = f"the server returned {len(given)} tokens for a reply of {len(ids)} tokens and the token that ends it"
        raise ModelError("fatal", f"no scores: {wrong}")
    usage: Mapping[str, Any] = reply.get("usage") or {}
    used = Usage(int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0))
    return math.fsum(entry["logprob"] for entry in given), used


async def echoed(ask: Ask, body: dict[str, Any], text: str) -> tuple[float, Usage]:
    """vLLM: the log-probabilities of the end of a prompt that holds the reply."""
    model, chat = body["model"], list(body["messages"])
    before = await _tokens(ask, {"model": model, "messages": chat, "add_generation_prompt": True})
    answered = [*chat, {"role": "assistant", "content": text}]
    after = await _tokens(ask, {"model": model, "messages": answered, "add_generation_prompt": False})
    ids = await _tokens(ask, {"model": model, "prompt": text, "add_special_tokens": False})
    turn = after[len(before) :]
    if after[: len(before)] != before or turn[: len(ids)] != ids or len(turn) <= len(ids):
        raise ModelError(
            "fatal",
            "no scores: the model's chat template changes a given reply, so its probability is not known; use "
            "`likelihood: {sample: 8}`, which counts sampled replies",
        )
    tail = turn[: len(ids) + 1]  # with the token that ends the turn, without what the template writes behind it
    sent = {"model": model, "prompt": [*before, *tail], "max_tokens": 1, "temperature": 0.0, "prompt_logprobs": 0}
    reply = await ask("/v1/completions", sent)
    logprobs: Sequence[Any] = check(reply, _ECHOED)["choices"][0].get("prompt_logprobs") or ()
    given = logprobs[len(before) :]
    if len(given) != len(tail):
        wrong = f"the server returned {len(given)} log-probabilities for {len(tail)} tokens"
        raise ModelError("fatal", f"no scores: {wrong}")
    for token, entry in zip(tail, given, strict=True):
        check(entry, Shape(("object",), {str(token): one_of(logprob=NUMBER)}))
    total = math.fsum(entry[str(token)]["logprob"] for entry, token in zip(given, tail, strict=True))
    return total, Usage(len(before) + len(tail), 1)


async def _tokens(ask: Ask, body: dict[str, Any]) -> list[int]:
    return list(check(await ask("/tokenize", body), _TOKENS)["tokens"])


async def _held(score: Coroutine[Any, Any, tuple[float, Usage]], key: str) -> tuple[float, Usage] | ModelError:
    """An error as a value, so that a task group does not cancel the other texts."""
    try:
        return await score
    except ModelError as error:
        return error
    except UNREADABLE as error:
        return ModelError("fatal", scrub(f"no scores: the server's reply cannot be read: {unread(error)}", key))
