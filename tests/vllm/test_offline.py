"""The engine that answers in waves: the same as the server's replies and scores, adapters, and refusals one by one."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from agentlab.errors import ModelError
from agentlab.interfaces import Model
from agentlab.models.engines.engine import Engine
from agentlab.models.serve import serve
from agentlab.types import Completion, Request
from tests.support.tokens import used
from tests.vllm.served import CONTEXT, NAME, WHOLE, ask, at_server, offline_spec

pytestmark = pytest.mark.asyncio(loop_scope="module")
QUESTION = "Is the sky blue? Reply with yes or no."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def models() -> AsyncIterator[Any]:
    async with serve({"base": offline_spec(), "adapted": offline_spec(adapted=True)}) as found:
        yield found


async def together(model: Model, requests: Sequence[Request]) -> list[Completion | ModelError]:
    """One wave."""

    async def one(request: Request) -> Completion | ModelError:
        try:
            return await model.complete(request)
        except ModelError as error:
            return error

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(request)) for request in requests]
    return [task.result() for task in tasks]


async def replies(model: Model, requests: Sequence[Request]) -> list[Completion]:
    found = await together(model, requests)
    assert all(isinstance(one, Completion) for one in found), found
    return [one for one in found if isinstance(one, Completion)]


async def test_draws_differ_and_seeds_are_kept(models: Any) -> None:
    asked = [ask("Tell me about rain.", i, temperature=1.0, max_tokens=16) for i in range(8)]
    found = await replies(models["base"], [*asked, *asked])
    assert len({one.text for one in found}) > 4
    assert [one.text for one in found[:8]] == [one.text for one in found[8:]]
    assert {one.stop for one in found} <= {"end", "length"}
    assert all(used(one).input > 10 and 1 < used(one).output <= 16 for one in found)
    assert {one.served_model for one in found} == {NAME}


async def test_it_replies_as_the_server_does(models: Any, server: Engine) -> None:
    asked = ask("What is the capital of France?", temperature=0.0, max_tokens=12, logprobs=5)
    async with serve({"default": at_server()}) as other:
        there = await other["default"].complete(asked)
    (here,) = await replies(models["base"], [asked])
    assert here.text == there.text
    assert here.logprobs is not None
    assert there.logprobs is not None
    for ours, theirs in zip(here.logprobs, there.logprobs, strict=True):
        assert ours.token == theirs.token
        assert ours.logprob == pytest.approx(theirs.logprob, abs=0.2)


async def test_a_schema_binds_the_reply_and_a_stop_text_ends_it(models: Any) -> None:
    schema = {"type": "object", "properties": {"score": {"enum": [1, 2, 3]}}, "required": ["score"]}
    asked = [
        ask("Rate it.", i, temperature=1.0, max_tokens=60, schema={**schema, "additionalProperties": False})
        for i in range(3)
    ]
    stopped = ask("Tell me about rain.", max_tokens=40, stop=("a", "e"))
    *filled, other = await replies(models["base"], [*asked, stopped])
    assert all(json.loads(one.text)["score"] in (1, 2, 3) for one in filled)
    assert other.stop == "end"
    assert not {"a", "e"} & set(other.text)


async def test_an_adapter_answers_its_own_requests_of_a_wave_and_no_others(models: Any) -> None:
    asked = ask("Tell me about rain.", temperature=0.0, max_tokens=4, logprobs=0)
    alone = {alias: (await models[alias].complete(asked)).logprobs[0].logprob for alias in ("base", "adapted")}
    assert abs(alone["base"] - alone["adapted"]) > 0.2
    order = ("base", "adapted", "base", "adapted", "base")
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(models[alias].complete(asked)) for alias in order]
    for alias, task in zip(order, tasks, strict=True):
        reply = task.result()
        assert reply.served_model.startswith(f"{NAME}-") == (alias == "adapted")
        assert reply.logprobs[0].logprob == pytest.approx(alone[alias], abs=0.1)


async def test_what_is_refused_is_refused_alone(models: Any) -> None:
    fine, long, odd, last = await together(
        models["base"],
        [
            ask("Say hello.", max_tokens=4),
            ask("word " * CONTEXT, max_tokens=4),
            ask("Say hello.", max_tokens=4, schema={"type": "nonsense"}),
            ask("Say goodbye.", max_tokens=4),
        ],
    )
    assert isinstance(fine, Completion)
    assert isinstance(last, Completion)
    assert isinstance(long, ModelError)
    assert long.kind == "too_long"
    assert isinstance(odd, ModelError)
    assert odd.kind == "fatal"


async def test_scores_are_products_of_the_whole_next_token_distributions(models: Any, server: Engine) -> None:
    texts = ("yes", "no", "Yes, it is.")
    async with serve({"default": at_server()}) as other:
        there = await other["default"].complete(ask(QUESTION, score=texts))
        here = await models["base"].complete(ask(QUESTION, score=texts))
    assert [entry.token for entry in there.logprobs or ()] == [*texts]
    for text, ours, theirs in zip(texts, here.logprobs, there.logprobs or (), strict=True):
        truth = await walked(server, text)
        assert theirs.logprob == pytest.approx(truth, abs=0.1)
        assert ours.logprob == pytest.approx(truth, abs=0.1)


async def walked(server: Engine, text: str) -> float:
    """The log-probability of the text as the whole reply, token by token from the distributions over all tokens."""
    async with httpx2.AsyncClient(base_url=server.url.removesuffix("/v1"), trust_env=False, timeout=120) as client:

        async def post(path: str, **body: Any) -> Any:
            return (await client.post(path, json={"model": NAME, **body})).json()

        chat = [{"role": "user", "content": QUESTION}]
        before = (await post("/tokenize", messages=chat, add_generation_prompt=True))["tokens"]
        said = (await post("/tokenize", prompt=text, add_special_tokens=False))["tokens"]
        end = (await post("/tokenize", prompt="<|im_end|>", add_special_tokens=False))["tokens"]
        assert len(end) == 1
        total = 0.0
        for i, token in enumerate([*said, *end]):
            how = {"max_tokens": 1, "temperature": 0, "logprobs": WHOLE, "return_tokens_as_token_ids": True}
            told = await post("/v1/completions", prompt=[*before, *said[:i]], **how)
            chances = told["choices"][0]["logprobs"]["top_logprobs"][0]
            assert math.fsum(math.exp(p) for p in chances.values()) == pytest.approx(1, abs=0.01)
            total += chances[f"token_id:{token}"]
        return total
