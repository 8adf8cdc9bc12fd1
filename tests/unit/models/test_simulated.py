"""Simulated policies: exact probabilities, and a valid reply to whatever agentlab asks."""

import json
import math
import re
from collections import Counter
from typing import Any, cast

import pytest
from msgspec.structs import replace

from agentlab.errors import ModelError, ScenarioError
from agentlab.models.serve import get_model, serve
from agentlab.models.simulated import chatter
from agentlab.models.simulated.sim import Scripted
from agentlab.models.spec import ModelSpec
from agentlab.seeds import stream
from agentlab.types import ChatMessage, Completion, Purpose, Request, Settings, ToolSpec, Where
from tests.support.tokens import used

REPLIES = {"replies": {"*": {"yes": 0.3, "no": 0.7}, "coder": {"done": 1.0}}, "scores": {"*": {1: 0.25, 7: 0.75}}}
FORM = (
    '<verdict criterion="{}"><reason>one or two sentences</reason><score>a whole number from {} to {}</score></verdict>'
)


def ask(
    text: str,
    number: int = 1,
    settings: Settings | None = None,
    actor: str = "a",
    system: str = "",
    purpose: Purpose = "agent",
) -> Request:
    chat = (ChatMessage("system", system), ChatMessage("user", text))
    return Request(chat, settings or Settings(), (), Where("r", actor, 1, 0, 1, number, purpose=purpose))


def model(name: str, **options: Any) -> Any:
    return get_model(ModelSpec.model_validate({"name": name, "options": options}))


@pytest.mark.parametrize("streams", [range(20_000), [stream("x", i) for i in range(20_000)]], ids=["small", "hashed"])
async def test_replies_have_their_probabilities(streams: Any) -> None:
    sim = model("sim/replies", **REPLIES)
    counts = Counter([(await sim.complete(ask("?", number))).text for number in streams])
    expected = {"yes": 6000.0, "no": 14_000.0}
    assert sum((counts[text] - n) ** 2 / n for text, n in expected.items()) < 10.83  # 1 degree of freedom, p = 0.001


async def test_a_reply_depends_on_the_stream_alone() -> None:
    sim = model("sim/replies", **REPLIES)
    one = [(await sim.complete(ask("?", number))).text for number in range(50)]
    other = [(await sim.complete(ask("something else", number, actor="b"))).text for number in range(50)]
    assert one == other
    assert (await sim.complete(ask("?", actor="coder.2"))).text == "done"


async def test_scores_have_their_probabilities_in_every_form() -> None:
    sim = model("sim/replies", **REPLIES)
    form = FORM.format("clarity", 1, 7)
    texts = [(await sim.complete(ask(form, number, purpose="judge"))).text for number in range(4000)]
    assert sum("<score>7<" in text for text in texts) == pytest.approx(3000, abs=110)
    got = await sim.complete(ask("Score:", 3, Settings(logprobs=20), purpose="judge"))
    assert {token: round(math.exp(p), 9) for token, p in got.logprobs[0].top} == {"1": 0.25, "7": 0.75}
    verdict = {"type": "object", "properties": {"reason": {"type": "string"}, "score": {"enum": list(range(1, 8))}}}
    schema = {"type": "object", "properties": {"clarity": verdict}}
    got = await sim.complete(ask("Judge", 3, Settings(schema=schema), purpose="judge"))
    assert json.loads(got.text)["clarity"]["score"] in (1, 7)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("sim/replies", {"replies": {"*": {"a": 0.5}}}, "sum to 0.5"),
        ("sim/replies", {"replies": {"*": {"a": -1, "b": 2}}}, "probabilities"),
        ("sim/replies", {"replies": {"*": {}}}, "probabilities"),
        ("sim/replies", {"replies": 3}, "maps each name"),
        ("sim/replies", {}, "options.replies"),
        ("sim/replies", {"reply": {}}, "known options: replies, calls, scores, seconds"),
        ("sim/replies", {"replies": {"*": {"a": 1}}, "calls": {"a": ["run"]}}, "tools and their arguments"),
        ("sim/chatter", {"seconds": -1}, "0 or more"),
    ],
)
def test_wrong_options_are_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        model(name, **options)


async def test_tools_are_called_first_by_those_who_have_them() -> None:
    sim = model("sim/replies", replies={"*": {"x": 1.0}}, calls={"a": {"find": {"word": "fox"}, "gone": {}}})
    offered = replace(ask("?", actor="a.2"), tools=(ToolSpec("find", "", {}),))
    first = await sim.complete(offered)
    assert [(call.name, json.loads(call.arguments)) for call in first.tool_calls] == [("find", {"word": "fox"})]
    then = await sim.complete(replace(offered, where=replace(offered.where, k=1)))
    assert (then.text, then.tool_calls) == ("x", ())
    assert (await sim.complete(ask("?", actor="a"))).text == "x", "an arm without the tool calls none"


async def test_an_actor_without_replies_is_a_failed_call() -> None:
    with pytest.raises(ModelError, match="no replies for 'b'"):
        await model("sim/replies", replies={"a": {"x": 1.0}}).complete(ask("?", actor="b"))


async def test_chatter_fills_in_verdicts() -> None:
    form = "\n".join((FORM.format("clarity of plan", 1, 5), FORM.format("harm", -2, 2)))
    seen: dict[str, set[int]] = {}
    for number in range(200):
        text = (await model("sim/chatter").complete(ask(f"Judge.\n{form}", number))).text
        for name, score in re.findall(r'criterion="([^"]+)"><reason>[^<]+</reason><score>(-?\d+)</score>', text):
            seen.setdefault(name, set()).add(int(score))
    assert seen == {"clarity of plan": {1, 2, 3, 4, 5}, "harm": {-2, -1, 0, 1, 2}}


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("one digit from 2 to 4. Score:", "234"),
        ("Answer with a letter from A to C.", "ABC"),
        ("Score:", "1234567"),
        ("from 9 to 1", "1234567"),
    ],
)
async def test_chatter_answers_a_scale_with_one_token(text: str, scale: str) -> None:
    got = await model("sim/chatter").complete(ask(text, 5, Settings(logprobs=20, max_tokens=1)))
    assert got.text in scale
    assert {token for token, _ in got.logprobs[0].top} == set(scale)
    assert sum(math.exp(p) for _, p in got.logprobs[0].top) <= 1


async def test_chatter_writes_mail_and_output_when_it_may() -> None:
    system = "Rules.\nYou may write to: ann, bob\nTo deliver, write it between <output> and </output>."
    texts = [(await model("sim/chatter").complete(ask("?", number, system=system))).text for number in range(200)]
    assert {to for text in texts for to in re.findall(r'<mail to="(\w+)" subject="[^"]+">', text)} == {"ann", "bob"}
    assert 20 < sum("<output>" in text for text in texts) < 120
    assert "<" not in (await model("sim/chatter").complete(ask("?"))).text


SCHEMAS: list[Any] = [
    {"type": "integer", "minimum": 3, "maximum": 5},
    {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5},
    {"type": "number", "minimum": 0, "maximum": 1},
    {"type": "integer", "maximum": -5},
    {"type": "integer", "minimum": 10, "multipleOf": 5, "maximum": 20},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 3},
    {"type": "string", "minLength": 300, "maxLength": 310},
    {"enum": ["a", 1, None]},
    {"const": 7},
    {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    {"type": ["string", "null"]},
    {
        "$ref": "#/$defs/t",
        "$defs": {
            "t": {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/t"}, {"type": "null"}]}}}
        },
    },
    {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "number"}}, "required": ["a", "b"]},
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: json.dumps(schema)[:40])
def test_values_satisfy_their_schema(schema: Any) -> None:
    for number in range(100):
        value: Any = chatter.value(schema, chatter.RandomNumbers(number))
        assert satisfies(value, schema), value


def satisfies(value: Any, schema: Any) -> bool:
    """The part of JSON Schema that the cases above use."""
    kinds = {"integer": int, "number": (int, float), "string": str, "boolean": bool, "array": list, "object": dict}
    kind, size = schema.get("type"), len(cast("str", value)) if isinstance(value, (str, list)) else 0
    checks = [
        "enum" not in schema or value in schema["enum"],
        "const" not in schema or value == schema["const"],
        not isinstance(kind, str) or isinstance(value, kinds[kind]),
        "anyOf" not in schema or value is None or isinstance(value, int),
        schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf) if kind == "integer" else True,
        schema.get("exclusiveMinimum", -1e9) < value < schema.get("exclusiveMaximum", 1e9)
        if kind == "integer"
        else True,
        value % schema.get("multipleOf", 1) == 0 if kind == "integer" else True,
        schema.get("minItems", 0) <= size <= schema.get("maxItems", 9) if kind == "array" else True,
        schema.get("minLength", 0) <= size <= schema.get("maxLength", 1e9) if kind == "string" else True,
        all(name in value for name in schema.get("required", ())),
    ]
    return all(checks)


async def test_usage_counts_words() -> None:
    usage = (await model("sim/chatter").complete(ask("one two three"))).usage
    assert usage.input >= 4
    assert usage.output >= 1


async def test_scripted_takes_any_function() -> None:
    assert (await Scripted(lambda request: request.chat[-1].content).complete(ask("echo"))).text == "echo"

    async def later(_: Request) -> Completion:
        return Completion("later")

    got = await Scripted(later).complete(ask("?"))
    assert (got.text, used(got).output) == ("later", 1)


async def test_simulated_models_have_no_wrapper() -> None:
    async with serve({"default": ModelSpec.model_validate({"name": "sim/chatter"})}) as models:
        assert type(models["default"]).__name__ == "Sim"


async def test_replay_answers_from_the_record_or_not_at_all() -> None:
    def replay_index(where: Where) -> Completion | None:
        return Completion("old") if where.actor == "a" else None

    spec = ModelSpec.model_validate({"name": "replay/old"})
    async with serve({"default": spec}, {"replay/old": replay_index}) as models:
        assert (await models["default"].complete(ask("?"))).text == "old"
        with pytest.raises(ModelError, match="fatal: not recorded: replay/old has no call of b in rollout r"):
            await models["default"].complete(ask("?", actor="b"))
