"""Programs over texts: exact distributions, and the properties of the engine for any program and any replies."""

import asyncio
import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from cascades.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from agentlab.engine.client import Client
from agentlab.engine.cut import Cut
from agentlab.engine.fork import prepare
from agentlab.engine.play import play
from agentlab.engine.prompt import chat
from agentlab.engine.prompt_hash import hash_of
from agentlab.engine.rules import following, opening
from agentlab.engine.spec import RolloutSpec
from agentlab.models.simulated.sim import Scripted
from agentlab.organization.agents import Agent, Organization
from agentlab.organization.cascade import conditions, functions, values
from agentlab.organization.cascade.reading import Reader
from agentlab.organization.cascade.timed import TimeLimit, timed
from agentlab.organization.likelihood import Likelihood
from agentlab.organization.protocols.cascade import Cascade, CascadeConfig
from agentlab.seeds import plain
from agentlab.types import (
    VARIABLE,
    WEIGHT,
    Completion,
    Message,
    Request,
    Rollout,
    Settings,
    Task,
    TokenLogprob,
    Where,
)
from tests.support.enumerated import outcomes

TEXT = st.text(max_size=30) | st.sampled_from(["yes", "no", "42", "{{task}}", "{{x}}", "<mail to='a'>x</mail>", "{}"])


def program(steps: Mapping[str, Any], result: str = "done") -> Cascade:
    config = CascadeConfig.model_validate({"kind": "cascade", "steps": steps, "return": result})
    assert config.mistakes_for(("ann", "bob"), ["pool"]) in ([], _unused(config))
    return config.build(("ann", "bob"), None, None)


def _unused(config: CascadeConfig) -> list[Any]:
    return [flaw for flaw in config.mistakes_for(("ann", "bob"), ["pool"]) if flaw[1].startswith("no step asks")]


def organization(protocol: Cascade) -> Organization:
    agents = (Agent("ann", memory="unread"), Agent("bob", memory="unread"))
    return Organization(agents, protocol, protocol.bound)


TASK = Task("t", "What is it?", "42", {"pool": ["a", "b", "c"]})


def spec(protocol: Cascade, draw: int = 0) -> RolloutSpec:
    return RolloutSpec(f"key{draw}", "s", "c", organization(protocol), TASK, draw, 5)


def played(protocol: Cascade, reply: Callable[[Request], str | Completion] | str, draw: int = 0) -> Rollout:
    """`reply` is a function of a request, or a text."""
    model = Scripted(reply if callable(reply) else lambda request: str(reply))
    return asyncio.run(play(spec(protocol, draw), Client({"default": model})))


def variables(rollout: Rollout) -> dict[str, Any]:
    return {str(m.ref): values.decoded(m) for m in rollout.messages if VARIABLE in m.to and m.kind in ("value", "data")}


# Random programs


@st.composite
def programs(draw: st.DrawFn, depth: int = 1) -> dict[str, Any]:
    """Steps whose names are drawn from few, so that they are often bound anew; every variable is bound before."""
    steps: dict[str, Any] = {name: {"set": name} for name in "xyz"} if depth else {}
    for i, name in enumerate(draw(st.lists(st.sampled_from("xyz"), min_size=1, max_size=3))):
        if depth:
            steps[f"part{i}"] = {"do": {name: draw(_step(depth))}}
        else:
            steps[name] = draw(_step(depth))
    return steps


@st.composite
def _step(draw: st.DrawFn, depth: int) -> dict[str, Any]:
    text = draw(st.sampled_from(["{{x}}", "a {{y}} b", "{{z}}", "plain {{task}}"]))
    condition = draw(st.sampled_from([{"x": {"has": "a"}}, {"y": "{{z}}"}, [{"x": {"missing": True}}, {"z": "z"}]]))
    sample = {"sample": text, "by": draw(st.sampled_from(["ann", "bob"]))}
    plain = [
        sample,
        {**sample, "as": "number", "unparsed": draw(st.sampled_from(["reject", "missing", {"value": 3}]))},
        {**sample, "as": {"choice": ["yes", "no"]}, "observe": "yes"},
        {**sample, "times": 3},
        {**sample, "as": "number", "tries": 2},
        {"choose": "{{pool}}", "k": 2},
        {"choose": {"a": 1, "b": 2}},
        {"set": [text, text]},
        {"python": "count", "with": {"values": "{{pool}}"}},
        {"factor": {"p": 0.5}},
        {"reject": condition},
        {**sample, "when": condition},
    ]
    nested: list[dict[str, Any]] = []
    if depth:
        inner = draw(programs(depth - 1))
        nested = [
            {"do": inner, "when": condition},
            {"loop": inner, "most": 2},
            {"loop": inner, "over": "{{pool}}", "most": 2},
        ]
    return draw(st.sampled_from(plain + nested))


@settings(max_examples=25, deadline=None)
@given(programs(), st.lists(TEXT, min_size=1, max_size=6), st.integers(0, 5))
def test_any_program_with_any_replies_is_order_free_replayable_bounded_closed_and_forkable(
    steps: dict[str, Any], texts: list[str], delay: int
) -> None:
    protocol = program(steps, "{{x}} {{y}}")

    async def reply(request: Request) -> str:
        where = request.where
        for _ in range((where.k * 7 + len(where.actor) + delay) % 3):
            await asyncio.sleep(0)
        return texts[(where.round * 3 + where.k + (where.actor == "bob")) % len(texts)]

    whole = asyncio.run(play(spec(protocol), Client({"default": Scripted(reply)})))
    assert whole.status in ("delivered", "incomplete", "rejected")
    assert max((call.round for call in whole.calls), default=0) <= protocol.bound
    assert len(whole.calls) <= 3 * protocol.bound * 2
    _check_order(protocol, texts, whole)
    _check_replay(protocol, whole)
    _check_fork(protocol, whole)


def _check_order(protocol: Cascade, texts: list[str], whole: Rollout) -> None:
    """The same replies at once give the same log."""
    again = played(protocol, lambda r: texts[(r.where.round * 3 + r.where.k + (r.where.actor == "bob")) % len(texts)])
    assert (again.messages, again.status, again.output) == (whole.messages, whole.status, whole.output)


def _check_replay(protocol: Cascade, whole: Rollout) -> None:
    """The recorded replies rebuild the log and every prompt, without a model."""
    org, root = organization(protocol), spec(protocol)
    log: list[Message] = _stamped(opening(org, TASK, root.step_stream(0)), 0, 0)
    for round in range(1, max((call.round for call in whole.calls), default=0) + 1):
        turns = [[c for c in whole.calls if c.round == round and c.actor == agent.name] for agent in org.agents]
        for turn in filter(None, turns):
            agent = org.roster[turn[0].actor]
            before = [call for call in whole.calls if call.actor == agent.name and call.round < round]
            asked = chat(org, agent, log, before, round)
            for call in turn:
                request = Request(asked, call.settings, (), structs.replace(_where(), actor=agent.name))
                assert call.prompt_hash == hash_of(request)
        log += _stamped(following(org, log, filter(None, turns), round, root.step_stream(round)), round, len(log))
    assert tuple(log) == whole.messages


def _check_fork(protocol: Cascade, whole: Rollout) -> None:
    """Going on from the end of any round with the same replies comes to the same end."""
    last = max((call.round for call in whole.calls), default=0)
    recorded = {(call.actor, call.round, call.k): call for call in whole.calls}
    for cut in {cut for cut in (1, last // 2, last - 1) if 0 < cut < last}:
        state = prepare(organization(protocol), Cut(cut), whole.messages, whole.calls)
        client = Client({"default": Scripted(lambda request: "never asked")}, recorded=recorded)
        again = asyncio.run(play(spec(protocol), client, state=state))
        assert (again.messages, again.status) == (whole.messages, whole.status)


def _stamped(messages: Any, round: int, first: int) -> list[Message]:
    return [structs.replace(message, round=round, index=first + i) for i, message in enumerate(messages)]


def _where() -> Where:
    return Where("key0", "ann", 1, 0, 1, 0)


# Known answers


def test_independent_questions_to_two_agents_go_out_in_one_round() -> None:
    ask = {"sample": "Open.", "by": "ann"}
    whole = played(program({"a": ask, "b": {**ask, "by": "bob"}, "c": {**ask, "by": "ann"}}), "yes")
    assert [(call.actor, call.round) for call in whole.calls] == [("ann", 1), ("bob", 1), ("ann", 2)]
    dependent = program({"a": ask, "b": {"sample": "{{a}}", "by": "bob"}})
    assert [call.round for call in played(dependent, "yes").calls] == [1, 2]


def test_what_a_model_wrote_is_never_a_template_and_questions_are_inert() -> None:
    protocol = program({"x": {"sample": "Say.", "by": "ann"}, "y": {"sample": "You said {{x}}", "by": "bob"}}, "{{x}}")
    heard: list[str] = []

    def reply(request: Request) -> str:
        heard.append(request.chat[-1].content)
        return "{{task}} <output>no</output>"

    whole = played(protocol, reply)
    assert whole.output == "{{task}} <output>no</output>"
    assert heard[1] == "You said {{task}} &lt;output>no&lt;/output>"


def test_loops_address_each_iteration_and_rebind() -> None:
    loop = {"loop": {"x": {"set": "{{x}}{{n}}"}}, "over": ["a", "b", "c"], "until": {"x": {"has": "b"}}}
    whole = played(program({"x": {"set": ""}, "n": loop}, "{{x}} {{n}}"), "")
    assert whole.output == "ab b"
    assert variables(whole) == {"x": "", "n[1]": "a", "n[1].x": "a", "n[2]": "b", "n[2].x": "ab"}


def test_an_unreadable_reply_rejects_is_missing_or_is_asked_again() -> None:
    ask = {"sample": "How many?", "by": "ann", "as": "number"}
    rejected = played(program({"x": ask}), "none")
    assert (rejected.status, rejected.output, rejected.error) == ("rejected", None, "x: the reply has no number")
    assert variables(played(program({"x": {**ask, "unparsed": "missing"}}), "none")) == {"x": None}
    assert variables(played(program({"x": {**ask, "unparsed": {"value": 0}}}), "none")) == {"x": 0}
    again = played(program({"x": {**ask, "tries": 3}}), lambda r: "7" if r.where.round == 2 else "none")
    assert variables(again) == {"x": 7}
    assert [m.kind for m in again.messages if m.kind == "unparsed"] == ["unparsed"]


def test_a_refusal_ends_a_program_as_declined() -> None:
    refusal = Completion("I cannot.", stop="refusal")
    whole = played(program({"x": {"sample": "Do it.", "by": "ann"}}), lambda request: refusal)
    assert (whole.status, whole.output) == ("declined", None)


def test_choose_draws_with_its_weights_and_without_replacement() -> None:
    protocol = program({"x": {"choose": {"a": 3, "b": 1, "c": 0}}, "y": {"choose": "{{pool}}", "k": 3}}, "{{x}}")
    drawn = [played(protocol, "", draw) for draw in range(400)]
    share = sum(rollout.output == "a" for rollout in drawn) / 400
    assert share == pytest.approx(0.75, abs=0.075)  # 3.5 standard errors; the draws are the same in every test run
    assert all(sorted(variables(rollout)["y"]) == ["a", "b", "c"] for rollout in drawn)
    assert len({tuple(variables(rollout)["y"]) for rollout in drawn}) == 6
    assert not any(rollout.output == "c" for rollout in drawn)


def test_factors_add_up_in_nats() -> None:
    whole = played(program({"a": {"factor": {"p": 0.5}}, "b": {"factor": -2}}), "")
    assert [m.content for m in whole.messages if WEIGHT in m.to] == [repr(-0.6931471805599453), "-2.0"]
    assert played(program({"x": {"set": 0}, "a": {"factor": {"p": "{{x}}"}}}), "").status == "rejected"


OBSERVED = {"x": {"sample": "?", "by": "ann", "as": {"choice": ["yes", "no"]}, "observe": "yes"}}


def test_an_observation_is_drawn_counted_or_scored() -> None:
    protocol = program(OBSERVED)
    assert played(protocol, "yes").status == "delivered"
    assert played(protocol, "no").error == "x: the observed value 'yes' was not drawn"
    counted = played(protocol.weighing(Likelihood("count", 4)), lambda r: "yes" if r.where.k < 3 else "no")
    assert [float(m.content) for m in counted.messages if WEIGHT in m.to] == [pytest.approx(-0.2876820724517809)]

    def scores(request: Request) -> Completion:
        assert request.settings.score == ("yes", "no")
        return Completion("no", logprobs=(TokenLogprob("yes", -2.0), TokenLogprob("no", -3.0)))

    scored = played(protocol.weighing(Likelihood("score")), scores)
    weight = next(m for m in scored.messages if WEIGHT in m.to)
    assert float(weight.content) == pytest.approx(-0.31326168751822286)  # of the two choices: log(e^-2 / (e^-2 + e^-3))
    assert (weight.sender, weight.ref) == ("ann", "x")
    assert variables(scored) == {"x": "yes"}


def test_a_model_that_gives_no_scores_fails_the_call() -> None:
    whole = played(program(OBSERVED).weighing(Likelihood("score")), "yes")
    assert whole.status == "infrastructure"
    assert "no log-probability for each given text" in str(whole.error)


def test_two_programs_that_differ_in_step_order_have_two_identities() -> None:
    def identity(*names: str) -> dict[str, Any]:
        steps = {name: {"set": name} for name in names}
        return CascadeConfig.model_validate({"kind": "cascade", "steps": steps, "return": "x"}).identity()

    assert identity("a", "b") != identity("b", "a")
    loops = [{"n": {"loop": {k: {"set": "1"} for k in order}, "most": 2}} for order in ("ab", "ba")]
    first, second = (CascadeConfig.model_validate({"kind": "cascade", "steps": s, "return": "x"}) for s in loops)
    assert first.identity() != second.identity()


def test_enumeration_of_a_table_gives_the_posterior() -> None:
    table = Table(
        tables={
            "ann": {"good": {"yes": 0.9, "no": 0.1}, "bad": {"yes": 0.2, "no": 0.8}, "*": {"good": 0.6, "bad": 0.4}}
        }
    )
    steps = {"t": {"sample": "Think.", "by": "ann"}, "x": {**OBSERVED["x"], "sample": "{{t}}"}}
    found = outcomes(organization(program(steps, "{{t}}")), TASK, {"ann": table})
    assert found == {"good": pytest.approx(0.54), "bad": pytest.approx(0.08), None: pytest.approx(0.38)}


# Values, conditions, readers, functions


@given(st.text(), st.text())
def test_filling_is_one_pass(a: str, b: str) -> None:
    assert values.filled("{{a}}|{{b}}", {"a": a, "b": b}.get) == f"{a}|{b}"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_a_value_survives_its_message(value: Any) -> None:
    assert values.decoded(values.message("ann", VARIABLE, value, "x")) == value


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"n": {"above": 3, "below": 8}}, True),
        ({"n": {"above": 7}}, False),
        ({"n": "7.0"}, True),
        ({"t": "HELLO  world"}, True),
        ({"t": {"has": "World"}}, True),
        ({"t": {"lacks": "world"}}, False),
        ({"t": {"in": ["bye", "hello world"]}}, True),
        ({"none": {"missing": True}}, True),
        ({"none": {"above": 3}}, False),
        ([{"n": 1}, {"t": {"not": "bye"}}], True),
        ({"n": 7, "t": "bye"}, False),
    ],
)
def test_conditions(condition: Any, holds: bool) -> None:
    assert not list(conditions.flaws(condition))
    assert conditions.holds(condition, {"n": 7, "t": "Hello world"}.get) is holds


@pytest.mark.parametrize(
    ("reader", "text", "value"),
    [
        (Reader("number"), "First 3, so the answer is 42.", 42),
        (Reader("number", where="first"), "3 or 4", 3),
        (Reader("number"), "none", None),
        (Reader("until", "?"), " Is it red? And", "Is it red"),
        (Reader("lines"), "a\n\n b ", ["a", "b"]),
        (Reader("choice", ("yes", "no")), "Yes", "yes"),
        (Reader("choice", ("yes", "no")), "The answer is no.", "no"),
        (Reader("json", "a.b"), 'So {"a": {"b": [1]}} it is', [1]),
        (Reader("json", "a"), "{broken", None),
        (Reader("regex", r"\[([^\]]*)\]"), "Do[a] Do[b]", "b"),
        (Reader("regex", r"\d+", "first"), "1 2", "1"),
    ],
)
def test_readers(reader: Reader, text: str, value: Any) -> None:
    assert reader(text) == value


@given(st.text(max_size=200))
def test_readers_never_raise(text: str) -> None:
    for reader in (Reader("number"), Reader("choice", ("yes", "no")), Reader("json", "a.b"), Reader("regex", "a(b)?")):
        reader(text)


@given(st.integers(-99, 99), st.integers(1, 99))
def test_calculate(a: int, b: int) -> None:
    assert functions.calculate(f"({a} + {b}) * 2 / {b} =") == (a + b) * 2 / b


@pytest.mark.parametrize(
    "expression", ["twelve", "1/0", "9**9", "(" * 400, "__import__('os')", "1e30*1e30", "'a'*3", ""]
)
def test_what_is_no_arithmetic_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        functions.calculate(expression)


def test_a_function_that_hangs_is_stopped() -> None:
    def hang() -> None:
        while True:
            pass

    with pytest.raises(TimeLimit):
        timed(0.05, hang)


def test_a_pattern_that_takes_too_long_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentlab.organization.cascade.reading.PATTERN_SECONDS", 0.05)
    assert Reader("regex", "(a|a)*b")("a" * 60) is None


def test_scored_settings_are_hashed_as_before_where_unset() -> None:
    assert json.loads(bytes(plain(Settings())))["schema"] is None
    assert "score" not in json.loads(bytes(plain(Settings())))
    assert json.loads(bytes(plain(Settings(score=("a",)))))["score"] == ["a"]


@pytest.mark.parametrize(
    "reply",
    ['{"a": %s}' % ("1" * 400), '{"a": 1e999}', '{"a": [-1e999]}', '{"a": %s}' % ("[" * 600 + "]" * 600)],
    ids=["long", "infinite", "within", "deep"],
)
def test_json_that_no_variable_can_hold_is_no_value(reply: str) -> None:
    ask = {"sample": "?", "by": "ann", "as": {"json": "a"}, "unparsed": "missing"}
    large = {"set": "large", "when": {"x": {"above": 3}}}
    whole = played(program({"x": ask, "y": large, "z": {"set": "{{x}}."}}, "[{{x}}]"), reply)
    assert (whole.status, whole.output) == ("delivered", "[]")


@pytest.mark.parametrize("value", ["10 ** 400", "float('inf')", "functools.reduce(lambda x, _: [x], range(500), 1)"])
def test_a_function_that_returns_what_no_variable_can_hold_has_no_value(value: str) -> None:
    assert functions.call("f", lambda: eval(value, {"functools": functools}), {})[0] is None


def test_a_function_that_exits_has_no_value() -> None:
    def leaves() -> None:
        raise SystemExit(2)

    assert functions.call("f", leaves, {}) == (None, "SystemExit: 2")


def test_a_factor_whose_sum_is_no_number_rejects() -> None:
    whole = played(program({"x": {"sample": "?", "by": "ann", "as": "number"}, "f": {"factor": "{{x}}"}}), "1e308")
    assert (whole.status, whole.error) == ("rejected", "f: the factor is above 1e+100")


def test_a_missing_value_is_not_observed() -> None:
    ask = {"sample": "?", "by": "ann", "as": "number", "unparsed": "missing"}
    observed = {"sample": "?", "by": "bob", "as": "number", "observe": "{{x}}"}
    whole = played(program({"x": ask, "y": observed}), "none")
    assert (whole.status, whole.error) == ("rejected", "y: the observed value is missing")


def test_a_value_that_is_read_as_text_is_another_program() -> None:
    def of(step: Mapping[str, Any]) -> Any:
        loop = {"n": {"loop": {"x": step}, "most": 2}}
        return CascadeConfig.model_validate({"kind": "cascade", "steps": loop, "return": "{{x}}"}).identity()

    assert of({"set": 5}) == {
        "kind": "cascade",
        "steps": [["n", [["loop", [["x", [["set", 5]]]]], ["most", 2]]]],
        "return": "{{x}}",
    }
    assert of({"set": 5, "as": "text"}) != of({"set": 5})
    assert of({"sample": "?", "by": "ann", "as": "text"}) == of({"sample": "?", "by": "ann"})
