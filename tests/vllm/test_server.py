"""A real vLLM server that serves the embedded model's weights: single calls, then a whole run. No text of the model
is asserted: rounding differs between machines.
"""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agentlab.errors import ModelError
from agentlab.interfaces import Model
from agentlab.models.engines.engine import Engine
from agentlab.models.serve import serve
from agentlab.models.spec import ModelSpec
from agentlab.runs.frames import Run, load
from agentlab.types import ChatMessage, TokenLogprob, ToolCall, ToolSpec
from tests.support.command import Commands
from tests.support.tokens import used
from tests.vllm.served import CONTEXT, NAME, ask

RAIN = "Tell me about rain."
TOOL = ToolSpec("add", "Adds.", {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]})
CALLERS = 32

SCENARIO = f"""\
spec: 1
name: served
seed: 3
models:
  default: {{name: vllm/{NAME}, temperature: 0.8, top_k: 50, max_tokens: 30}}
  judge: {{name: vllm/{NAME}, max_tokens: 40}}
tasks:
  eggs: {{prompt: "A box holds 6 eggs. How many eggs are in 7 boxes?", target: 42}}
  bread: {{prompt: "Bread costs 3 dollars. What do 5 loaves cost?", target: 15}}
organization:
  agents:
    writer: {{system: You answer questions about sums. Be brief.}}
    reviewer: {{system: You check the answer of a colleague. Be brief.}}
  protocol: {{kind: chain, stages: [[writer], [reviewer], [writer]]}}
  cast: [writer, reviewer]
factors:
  review:
    reviewed: {{}}
    alone: {{organization: {{cast: [writer], protocol: {{kind: chain, stages: [[writer]]}}}}}}
draws: 3
judges:
  final_number: {{}}
  chances:
    kind: rubric
    prompt: You reply with one digit from {{{{low}}}} to {{{{high}}}} and with nothing else.
    scoring: logprobs
    criteria: {{answer: {{text: Is the sum answered?}}, plain: {{text: Is it free of idle talk?}}}}
    anchors: {{sums: {{task: What is 2 and 2?, good: ["4"], bad: [I like melons.]}}}}
  filled: {{kind: rubric, scoring: structured, criteria: {{answer: {{text: Is the sum answered?}}}}}}
measures:
  correct: {{judge: final_number, range: [0, 1]}}
  service: {{judge: chances, criteria: all, range: [0, 1]}}
"""


@pytest.fixture(autouse=True)
def serves(server: Engine) -> None:
    """The server of these tests is running."""


@pytest.fixture
async def model() -> AsyncIterator[Model]:
    async with serve({"default": ModelSpec.model_validate({"name": f"vllm/{NAME}", "tries": 1})}) as models:
        yield models["default"]


async def test_a_reply_comes_with_all_that_is_recorded_of_it(model: Model) -> None:
    reply = await model.complete(ask("What is the capital of France?", temperature=0.0, max_tokens=40))
    assert reply.text.strip()
    assert reply.stop == "end"
    assert 20 < used(reply).input < 60
    assert 1 < used(reply).output <= 40
    assert reply.served_model == NAME
    assert (reply.request_id or "").startswith("chatcmpl-")
    assert reply.reasoning is None
    assert reply.logprobs is None


async def test_the_stream_is_the_seed(model: Model) -> None:
    seven, again, eight, largest = [
        (await model.complete(ask(RAIN, stream, temperature=1.0, max_tokens=24))).text
        for stream in (7, 7, 8, 2**63 - 1)
    ]
    assert seven == again
    assert len({seven, eight, largest}) == 3


async def test_top_k_and_top_p_arrive(model: Model) -> None:
    def outside(tokens: tuple[TokenLogprob, ...] | None) -> int:
        """Tokens less likely than the third; equals count as third, for so they do in a server."""
        return sum(one.logprob < sorted(chance for _, chance in one.top)[-3] for one in tokens or ())

    hot: dict[str, Any] = {"temperature": 2.0, "max_tokens": 24, "logprobs": 20}
    assert outside((await model.complete(ask(RAIN, 1, **hot))).logprobs) > 0
    assert outside((await model.complete(ask(RAIN, 1, top_k=3, **hot))).logprobs) == 0
    assert outside((await model.complete(ask(RAIN, 1, top_p=0.001, **hot))).logprobs) == 0


async def test_a_reply_ends_at_its_length_or_at_a_stop_text(model: Model) -> None:
    cut = await model.complete(ask(RAIN, max_tokens=5))
    assert (cut.stop, used(cut).output) == ("length", 5)
    letters = tuple("aeio")
    stopped = await model.complete(ask(RAIN, max_tokens=60, stop=letters))
    assert stopped.stop == "end"
    assert not set(letters) & set(stopped.text)


async def test_log_probabilities_are_those_of_the_model_whatever_the_sampling(model: Model) -> None:
    question = "One digit from 1 to 7. Score:"
    cold, hot = [
        (await model.complete(ask(question, 5, temperature=heat, max_tokens=2, logprobs=20))).logprobs
        for heat in (0.0, 2.0)
    ]
    assert cold is not None
    assert hot is not None
    assert (len(cold), len(cold[0].top)) == (2, 20)
    assert dict(cold[0].top)[cold[0].token] == cold[0].logprob == max(p for _, p in cold[0].top)
    assert 0.1 < sum(math.exp(p) for _, p in cold[0].top) < 1.001
    for token, chance in hot[0].top:
        assert dict(cold[0].top).get(token, chance) == pytest.approx(chance, abs=0.05)
    bare = await model.complete(ask(question, max_tokens=1, logprobs=0))
    assert bare.logprobs is not None
    assert (len(bare.logprobs), bare.logprobs[0].top) == (1, ())


async def test_a_schema_binds_the_reply(model: Model) -> None:
    mood = {"type": "string", "enum": ["calm", "storm"]}
    score = {"type": "integer", "enum": [1, 2, 3]}
    form = {"type": "object", "properties": {"mood": mood, "score": score}, "required": ["mood", "score"]}
    schema = {**form, "additionalProperties": False}
    for stream in range(3):
        reply = await model.complete(ask("Rate the weather.", stream, temperature=1.0, max_tokens=200, schema=schema))
        assert reply.stop == "end"
        filled = json.loads(reply.text)
        assert set(filled) == {"mood", "score"}
        assert filled["mood"] in mood["enum"]
        assert filled["score"] in score["enum"]


async def test_tools_and_what_they_returned_are_accepted(model: Model) -> None:
    offered = await model.complete(ask("Add 3.", tools=(TOOL,), max_tokens=10))
    assert offered.stop in ("length", "end", "tool")
    loop = (
        ChatMessage("assistant", "", (ToolCall("call-1", "add", '{"a": 3}'),)),
        ChatMessage("tool", "7", tool_call_id="call-1"),
    )
    after = await model.complete(ask("Add 3.", 1, *loop, tools=(TOOL,), max_tokens=10))
    assert used(after).input > used(offered).input


async def test_a_prompt_seen_before_is_read_from_the_cache(model: Model) -> None:
    story = f"At {time.time_ns()} the rain fell. " + "Then it fell again. " * 100
    first, second = [used(await model.complete(ask(story, max_tokens=2))) for _ in range(2)]
    assert (first.cache_read, second.cache_write) == (0, 0)
    assert 128 <= second.cache_read <= second.input == first.input


@pytest.mark.parametrize(
    ("name", "text", "settings", "told"),
    [
        (NAME, "word " * CONTEXT, {"max_tokens": 5}, r"^too_long: HTTP 400: .*maximum context length is 2048"),
        (NAME, "word " * CONTEXT, {}, r"^too_long: HTTP 400: .*maximum context length is 2048"),
        (NAME, "word", {"max_tokens": 2 * CONTEXT}, r"^fatal: HTTP 400: .*max_tokens=4096 cannot be greater than"),
        (NAME, "word", {"stop": tuple("abcde")}, r"^fatal: HTTP 400: .*at most 4"),
        (NAME, "word", {"schema": {"type": "nonsense"}}, r"^fatal: HTTP 400: .*nonsense"),
        (NAME, "word", {"logprobs": 21}, r"^fatal: .*at most 20 alternatives$"),
        ("nobody", "word", {}, r"^fatal: HTTP 404: .*`nobody` does not exist"),
    ],
)
async def test_what_the_server_refuses_is_told_at_once(
    name: str, text: str, settings: dict[str, Any], told: str
) -> None:
    async with serve({"default": ModelSpec.model_validate({"name": f"vllm/{name}"})}) as models:
        with pytest.raises(ModelError, match=told):
            await models["default"].complete(ask(text, **settings))


async def test_many_calls_share_the_server(model: Model) -> None:
    async def one(stream: int) -> tuple[str, int]:
        reply = await model.complete(ask(RAIN, stream, temperature=1.0, max_tokens=32))
        return reply.text, used(reply).output

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(stream)) for stream in range(1, CALLERS + 1)]
    replies = [task.result() for task in tasks]
    assert len({text for text, _ in replies}) > CALLERS // 2
    assert all(1 <= tokens <= 32 for _, tokens in replies)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, commands: Commands) -> Path:
    """The folder of a whole run."""
    folder = tmp_path_factory.mktemp("served")
    scenario = folder / "served.yaml"
    scenario.write_text(SCENARIO, encoding="utf-8")
    ended = commands.agentlab("run", scenario, "--out", folder / "run")
    assert ended.code == 0, ended.said
    assert "service" in ended.out
    return folder


@pytest.fixture(scope="module")
def run(played: Path) -> Run:
    return load(played / "run")


def test_every_rollout_of_the_run_is_there(run: Run) -> None:
    assert len(run.rollouts) == 12
    assert set(run.rollouts["status"]) == {"delivered"}
    assert run.rollouts["error"].isna().all()
    calls = run.rollouts.groupby("review", observed=True)["calls"].agg(["min", "max"])
    assert calls.to_dict("index") == {"reviewed": {"min": 3, "max": 3}, "alone": {"min": 1, "max": 1}}
    assert (run.rollouts["output_tokens"] > 0).all()
    assert run.rollouts["output"].str.strip().astype(bool).any()
    assert run.rollouts["cost"].isna().all(), "no price is known for one's own server"


def test_every_call_of_the_run_was_seeded_and_answered(run: Run) -> None:
    calls = run.calls
    assert calls["error"].isna().all()
    assert calls["seeded"].all()
    assert set(calls["model"]) == {f"vllm/{NAME}"}
    assert set(calls["served_model"]) == {NAME}
    assert calls["request_id"].is_unique
    assert (calls["input_tokens"] > 0).all()
    assert (calls["output_tokens"] > 0).all()
    assert set(calls["stop"]) <= {"end", "length"}
    assert (calls["seconds"] > 0).all()


def test_scores_are_expectations_under_the_models_probabilities(run: Run) -> None:
    scores = run.scores[run.scores["judge"] == "chances"]
    assert len(scores) == 12 * 2
    assert (run.anchors["judge"] == "chances").sum() == 2 * 2
    assert set(scores["outcome"]) == {"scored"}
    assert scores["reason"].str.fullmatch(r"mass 0\.\d{4}|mass 1\.0000").all()
    assert scores["value"].between(1, 5).all()
    replies: dict[Any, Any] = run.calls.set_index(["rollout", "judge", "judge_draw", "k"])["logprobs"].to_dict()
    columns = (scores[name] for name in ("rollout", "judge_draw", "call", "value"))
    for rollout, draw, call, value in zip(*columns, strict=True):
        assert value == pytest.approx(expected(replies[rollout, "chances", draw, call]))


def expected(logprobs: str) -> float:
    """The mean digit from 1 to 5 of the first token's alternatives."""
    top = {token: chance for token, chance in json.loads(logprobs)[0]["top"]}
    chances = {d: sum(math.exp(p) for t, p in top.items() if t.strip() == str(d)) for d in range(1, 6)}
    return sum(d * p for d, p in chances.items()) / sum(chances.values())


def test_forms_are_filled_in_or_cut(run: Run) -> None:
    scores = run.scores[run.scores["judge"] == "filled"]
    assert len(scores) == 12
    assert set(scores["outcome"]) <= {"scored", "truncated"}
    replies = run.calls[run.calls["judge"] == "filled"]
    for text in replies.loc[replies["stop"] == "end", "text"]:
        assert 1 <= json.loads(text)["answer"]["score"] <= 5


def test_a_measure_has_a_value_exactly_where_its_judge_scored(run: Run) -> None:
    measures = run.measures
    assert measures["service"].between(0, 1).all()
    scored = measures["correct_outcome"] == "scored"
    assert set(measures["correct_outcome"]) <= {"scored", "truncated", "unparsed"}
    assert measures.loc[scored, "correct"].isin([0, 1]).all()
    assert measures.loc[~scored, "correct"].isna().all()


def test_the_same_command_goes_on_with_nothing_left_to_do(played: Path, run: Run, commands: Commands) -> None:
    ended = commands.agentlab("run", played / "served.yaml", "--out", played / "run")
    assert ended.code == 0, ended.said
    pd.testing.assert_frame_equal(load(played / "run").calls, run.calls)


def test_a_server_without_the_model_ends_the_command_with_a_word_on_it(played: Path, commands: Commands) -> None:
    argv = ["run", played / "served.yaml", "--out", played / "none", "--model", "vllm/nobody", "--draws", "1"]
    ended = commands.agentlab(*argv)
    assert ended.code == 1, ended.said
    assert set(load(played / "none").rollouts["status"]) == {"infrastructure"}
    assert load(played / "none").calls["error"].dropna().str.contains("`nobody` does not exist").any()
