"""What is started for a model, as its options say; what a server of one's own is asked to load; the waves' requests."""

import asyncio
import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentlab.errors import MismatchError, ModelError, ScenarioError
from agentlab.models.engines import environment, plan
from agentlab.models.providers import vllm
from agentlab.models.readiness import obstacles
from agentlab.models.registry import options_mistake
from agentlab.models.spec import ModelSpec
from agentlab.models.weights import identified
from agentlab.processes import vllm_waves
from agentlab.types import ChatMessage, Request, Settings, Where

ASKED = Request((ChatMessage("user", "Hello"),), Settings(), (), Where("r", "a", 1, 0, 1, 1))
FLAG = st.lists(st.sampled_from(["max", "len", "x", "y"]), min_size=1, max_size=3).map("-".join)
SAID = httpx2.ByteStream(b"Success: LoRA adapter 'x' added successfully.")
VALUE = st.one_of(st.integers(), st.booleans(), st.text("abc", min_size=1))


def spec(name: str = "vllm/tiny", **options: Any) -> ModelSpec:
    return ModelSpec.model_validate({"name": name, "options": options})


def adapter(folder: Path, weights: bytes = b"w", rank: int = 16) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(f'{{"r": {rank}}}')
    (folder / "adapter_model.safetensors").write_bytes(weights)
    (folder / "README.md").write_text(folder.name)
    return folder


@settings(max_examples=40)
@given(st.dictionaries(FLAG, VALUE, max_size=4))
def test_flags_are_words_of_a_command_line(flags: Mapping[str, Any]) -> None:
    words = plan.plan_of(spec(weights="w", flags=flags)).flags
    for name, value in flags.items():
        word = name.replace("_", "-")
        expected = (
            (f"--{word}",) if value is True else (f"--no-{word}",) if value is False else (f"--{word}", str(value))
        )
        assert any(words[i : i + len(expected)] == expected for i in range(len(words)))
    assert len(words) == sum(1 if isinstance(value, bool) else 2 for value in flags.values())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"weights": ""}, "options.weights is ''; write a folder of weights or a name on the Hugging Face Hub"),
        ({"weights": "./nowhere"}, "./nowhere not found; write a folder of weights"),
        ({"weights": "w", "flags": "--x"}, "options.flags is '--x'; write flags of vLLM with their values"),
        (
            {"weights": "w", "flags": {"--port": 1}},
            "options.flags.--port: agentlab sets this flag itself; leave it out",
        ),
        ({"weights": "w", "flags": {"lora_modules": "x"}}, "options.flags.lora_modules: agentlab sets"),
    ],
)
def test_a_mistake_in_the_options_is_found_without_starting(options: dict[str, Any], told: str) -> None:
    assert told in options_mistake(spec(**options))


def test_what_starts_and_what_stands_in_the_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("VLLM_BASE_URL", raising=False)
    monkeypatch.setenv(environment.PYTHON, str(tmp_path / "no"))
    at = {"base_url": "http://127.0.0.1:9/v1"}
    given_one = ModelSpec.model_validate({"name": "vllm/tiny", "options": {"weights": "w"}, **at})
    started = [spec(), spec(weights="w"), spec("vllm-offline/org/tiny"), given_one]
    assert [plan.is_started(one) for one in started] == [False, True, True, False]
    assert "options: {weights: FOLDER}" in obstacles(spec())[0]
    for one in started[1:3]:
        assert obstacles(one) == [
            f"{tmp_path / 'no'} cannot be run; correct the environment variable {environment.PYTHON}"
        ]
    assert obstacles(given_one) == []
    assert plan.plan_of(spec("vllm-offline/org/tiny")).weights == "org/tiny"
    monkeypatch.setenv(environment.SECONDS, "soon")
    with pytest.raises(ScenarioError, match="is 'soon'; write a number of seconds"):
        environment.start_seconds()


def test_a_folders_adapter_is_its_content(tmp_path: Path) -> None:
    one, same, other = (adapter(tmp_path / name, name[:1].encode()) for name in ("a1", "a2", "b1"))
    names = [plan.adapter_name(spec(weights="w", adapter=str(path))) for path in (one, same, other)]
    first, second, third = (name[0] for name in names if name)
    assert first.startswith("tiny-")
    assert first == second != third
    assert (
        identified({"adapter": str(one)}) == identified({"adapter": str(same)}) != identified({"adapter": str(other)})
    )
    with pytest.raises(MismatchError, match="a1 is not the one that was trained"):
        plan.adapter_name(spec(weights="w", adapter=str(one), adapter_sha256="00"))
    with pytest.raises(ScenarioError, match=r"folder .*gone not found; vLLM takes the folder that PEFT saved it to"):
        plan.adapter_name(spec(weights="w", adapter=str(tmp_path / "gone")))
    with pytest.raises(ScenarioError, match="holds no LoRA adapter"):
        plan.adapter_name(spec(weights="w", adapter=str(tmp_path)))
    lora = {"x": one, "y": adapter(tmp_path / "c", rank=33)}
    words = plan.plan_of(spec(weights="w")).command(Path("python"), 1, lora)
    assert words[words.index("--max-lora-rank") + 1] == "64"
    assert words[words.index("--max-loras") + 1] == "3", "the last place stays empty, for requests without an adapter"


def reply(status: int, body: Mapping[str, Any]) -> httpx2.Response:
    """One whose body is still to be read."""
    stream = httpx2.ByteStream(json.dumps(body).encode())
    return httpx2.Response(status, headers={"content-type": "application/json"}, stream=stream)


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("told", ["The lora adapter 'x' has already been loaded.", "LoRA is not enabled"])
async def test_a_server_of_ones_own_loads_the_adapter_before_the_first_call(
    tmp_path: Path, status: int, told: str
) -> None:
    seen: list[tuple[str, Any]] = []

    def answer(http: httpx2.Request) -> httpx2.Response:
        seen.append((http.url.path, json.loads(http.content)))
        if http.url.path == "/v1/load_lora_adapter":
            return reply(status, {"message": told}) if status == 400 else httpx2.Response(200, stream=SAID)
        choice = {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}
        body = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        return reply(200, body)

    folder = adapter(tmp_path / "adapter")
    fields = {"name": "vllm/tiny", "base_url": "http://127.0.0.1:9/v1", "options": {"adapter": str(folder)}}
    model = vllm.build(ModelSpec.model_validate(fields), httpx2.MockTransport(answer))
    if status == 400 and "enabled" in told:
        with pytest.raises(ModelError, match=r"did not load the adapter: .*--enable-lora and with VLLM_ALLOW_RUNTIME"):
            await model.complete(ASKED)
        return
    await model.complete(ASKED)
    await model.complete(ASKED)
    assert [path for path, _ in seen] == ["/v1/load_lora_adapter", *["/v1/chat/completions"] * 2]
    assert seen[0][1] == {"lora_name": seen[1][1]["model"], "lora_path": str(folder)}


def test_a_request_of_a_wave_is_what_the_server_would_make_of_it() -> None:
    body: dict[str, Any] = {
        "model": "m",
        "messages": [],
        "temperature": 0.5,
        "max_tokens": None,
        "seed": 3,
        "min_p": 0.1,
    }
    told = vllm_waves.sampling({**body, "logprobs": True, "top_logprobs": 4}, {"temperature": 0.9, "top_k": 20})
    assert told == {"max_tokens": None, "temperature": 0.5, "top_k": 20, "seed": 3, "min_p": 0.1, "logprobs": 4}
    form = {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}
    assert vllm_waves.schema_of({"response_format": form}) == {"type": "object"}
    assert vllm_waves.schema_of({}) is None
    with pytest.raises(vllm_waves.Refused, match="'text'"):
        vllm_waves.schema_of({"response_format": {"type": "text"}})


async def test_all_that_wait_while_a_wave_is_computed_form_the_next_one() -> None:
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[vllm_waves.Waiting]()
    computing, finish, sizes = asyncio.Event(), threading.Event(), list[int]()

    def answer(wave: Sequence[vllm_waves.Waiting]) -> list[dict[str, Any]]:
        sizes.append(len(wave))
        loop.call_soon_threadsafe(computing.set)
        finish.wait()
        return [dict(waiting.body) for waiting in wave]

    def ask(number: int) -> asyncio.Future[Any]:
        waiting = vllm_waves.Waiting("/", {"number": number}, loop.create_future())
        queue.put_nowait(waiting)
        return waiting.reply

    task = asyncio.create_task(vllm_waves.waves(queue, answer))
    asked = [ask(0)]
    await computing.wait()
    asked += [ask(number) for number in range(1, 24)]
    finish.set()
    assert [(await reply)["number"] for reply in asked] == list(range(24))
    assert sizes == [1, 23]
    task.cancel()


def test_a_reply_of_a_wave_has_the_likely_tokens_in_their_order() -> None:
    def token(text: str, logprob: float, rank: int) -> SimpleNamespace:
        return SimpleNamespace(decoded_token=text, logprob=logprob, rank=rank)

    chances = {7: token("no", -2.0, 2), 5: token("yes", -0.1, 1), 9: token("so", -4.0, 9)}
    said = SimpleNamespace(text="so", token_ids=(9,), finish_reason="length", logprobs=[chances])
    output = SimpleNamespace(outputs=[said], prompt_token_ids=[1, 2], num_cached_tokens=None, request_id="4")
    told = vllm_waves.chat_reply({"model": "m", "logprobs": True, "top_logprobs": 2}, output)
    (entry,) = told["choices"][0]["logprobs"]["content"]
    assert (entry["token"], entry["logprob"]) == ("so", -4.0)
    assert [one["token"] for one in entry["top_logprobs"]] == ["yes", "no"]
    assert told["usage"]["total_tokens"] == 3
    assert told["choices"][0]["finish_reason"] == "length"
