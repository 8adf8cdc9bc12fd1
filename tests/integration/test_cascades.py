"""Cascades through the public entry: techniques with known answers, mistakes where they stand, and frames."""

import re
from collections.abc import Mapping
from math import sqrt
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cascades.table import Table

import agentlab
from agentlab.analysis.contrasts.compared import contrasts
from agentlab.analysis.contrasts.notes import scope
from agentlab.analysis.excerpt import excerpt
from agentlab.errors import ModelError, ScenarioError
from agentlab.experiment.cost import plan
from agentlab.experiment.specs import Selection
from agentlab.models.providers import openai, scoring, vllm
from agentlab.models.spec import ModelSpec
from agentlab.runs.frames import Run
from agentlab.scenario.loading import load
from agentlab.types import ChatMessage, Completion, Request, Settings, Where
from bench.pages import DOCS
from tests.support.enumerated import outcomes

STEPS = """spec: 1
name: small
models: {default: {name: sim/replies, options: {replies: {"*": {"yes": 0.5, "no": 0.5}}}}}
tasks: {t: {prompt: Is it so?, target: "yes", fields: {pool: [a, b]}}}
organization:
  agents: {ann: {}}
  protocol:
    kind: cascade
    steps:
      answer: {sample: "{{task}}", by: ann, as: {choice: ["yes", "no"]}}
    return: "{{answer}}"
draws: 2
seed: 1
"""
ASK = 'answer: {sample: "{{task}}", by: ann, as: {choice: ["yes", "no"]}}'
MISTAKES = [
    ('sample: "{{task}}"', 'sample: "{{pol}}"', "10:16", "unknown variable 'pol'; write 'pool', if you meant that"),
    (ASK, 'answer: {sample: "{{z}}", by: ann}\n      z: {set: 1}', "10:16", "has no value yet: its step comes later"),
    (ASK, 'n: {loop: {answer: {sample: "?", by: ann}}}', "10:7", "a loop without a bound; write `most: 10`"),
    (ASK, f'pool: {{loop: {{{ASK}}}, over: "{{{{pool}}}}"}}', "10:90", "goes over a list that its first item replaces"),
    ("by: ann", "by: bob", "10:36", "no agent 'bob' in the cast"),
    (ASK, 'answer: {sample: "?", by: ann, as: text, observe: hello}', "10:48", "free text is observed"),
    (ASK, f'{ASK[:-1]}, observe: "maybe"}}', "10:74", "'maybe' is not among the choices; write one of yes, no"),
    (ASK, f'x: {{choose: "{{{{pool}}}}", k: 3}}\n      {ASK}', "4:62", "'pool' has 2 options, and step 'x' draws k: 3"),
    (ASK, f"x: {{choose: [a, b], k: 3}}\n      {ASK}", "10:11", "a pool of 2 options, fewer than k: 3"),
    ("as: {choice: [", 'as: {regex: "(a+)+"}, when: {task: [', "10:50", "an unbounded repeat inside another"),
    (
        ASK,
        f"x: {{python: calculat, with: {{expression: 1}}}}\n      {ASK}",
        "10:11",
        "write 'calculate', if you meant that",
    ),
    (
        ASK,
        f'x: {{set: 1, choose: [1, 2]}}\n      y: {{set: "{{{{x}}}}"}}\n      {ASK}',
        "10:7",
        "sets what it has to null",
    ),
    (ASK, f"x: {{python: count, with: {{of: 1}}}}\n      {ASK}", "10:26", "count cannot be called like this"),
    (ASK, f"x: {{reject: {{task: {{abov: 3}}}}}}\n      {ASK}", "10:27", "unknown test 'abov'"),
    (
        ASK,
        f"x: {{reject: {{task: missing}}}}\n      {ASK}",
        "10:20",
        "{missing: true}, or {in: [missing]} for the text",
    ),
    (ASK, f"x: {{reject: {{task: {{not: missing}}}}}}\n      {ASK}", "10:27", "write {missing: false}, or"),
    (ASK, f"x: {{set: 1, choose: [1, 2]}}\n      {ASK}", "10:7", "choose and set in one step"),
    ("by: ann", "by: ann, most: 3", "10:45", "`most` cannot be used with `sample`; write `most` only with loop"),
    ("by: ann", "by: ann, samples: 3", "10:45", "unknown field 'samples'"),
    ('return: "{{answer}}"', 'return: "{{answr}}"', "11:13", "write 'answer', if you meant that"),
]


@pytest.mark.parametrize(("old", "new", "place", "said"), MISTAKES)
def test_a_mistake_is_told_where_it_stands(tmp_path: Path, old: str, new: str, place: str, said: str) -> None:
    file = tmp_path / "s.yaml"
    assert old in STEPS
    file.write_text(STEPS.replace(old, new))
    with pytest.raises(ScenarioError) as told:
        load(file)
    assert len(told.value.mistakes) == 1, "nothing else is blamed for it"
    message = next((m for m in told.value.mistakes if said in str(m)), None)
    assert message is not None, str(told.value)
    assert f"{message.place.line}:{message.place.column}" == place, str(message)


def test_a_model_that_does_not_score_is_told_before_the_first_call(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    text = STEPS.replace("sim/replies", "openai/gpt-4o").replace(
        ', options: {replies: {"*": {"yes": 0.5, "no": 0.5}}}', ""
    )
    file.write_text(text.replace('["yes", "no"]}', '["yes", "no"], by: likelihood}'))
    with pytest.raises(ScenarioError, match=r"openai/gpt-4o.*likelihood: \{sample: 8\}"):
        load(file)


def _commonest(outputs: Any) -> Any:
    return outputs.mode()[0]


async def test_a_function_that_hangs_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentlab.organization.cascade.functions.SECONDS", 0.05)
    (tmp_path / "hanging_here.py").write_text("def hang(text):\n    while True:\n        pass\n")
    file = tmp_path / "s.yaml"
    step = 'x: {python: "hanging_here:hang", with: {text: "{{answer}}"}}'
    file.write_text(STEPS.replace(ASK, f"{ASK}\n      {step}"))
    with pytest.raises(agentlab.errors.AgentlabError, match="'hanging_here:hang' of a `python` step took more than"):
        await agentlab.run(file, tmp_path / "run")


KNOWN: Mapping[str, Mapping[str, tuple[str, float]]] = {
    "scratchpad": {"scratchpad": ("correct", 0.57), "direct": ("correct", 0.4)},
    "self_consistency": {"fifteen": ("correct", 0.939), "one": ("correct", 0.62)},
    "semi_supervised": {"observed": ("good", 0.871), "unseen": ("good", 0.6)},
    "star": {"with": ("sound", 0.671), "without": ("sound", 1.0)},
    "verifiers": {"none": ("correct", 0.44), "answer": ("correct", 0.702), "steps": ("correct", 0.83)},
    "selection_inference": {"observed": ("correct", 0.986), "none": ("correct", 0.8)},
    "calculator": {"calculator": ("correct", 0.778), "by_heart": ("correct", 0.3), "search": ("correct", 0.95)},
    "react": {"all": ("correct", 0.32)},
    "twenty_questions": {"all": ("found_in_ten", 0.651)},
    "debate": {"two_turns": ("correct", 0.8), "one_turn": ("correct", 0.7), "none": ("correct", 0.5)},
    "hmm": {"all": ("last_is_B", 0.916)},
}
"""By scenario and level: a measure and its expectation among the rollouts that were not rejected."""
CHOOSING = ("scratchpad", "hmm", "debate", "self_consistency", "twenty_questions")
"""Scenarios that draw by their seed, or whose replies are too many to be enumerated."""


@pytest.mark.parametrize("name", KNOWN)
async def test_a_technique_runs(name: str, tmp_path: Path) -> None:
    run = await agentlab.run(name, tmp_path / "run", draws=3)
    assert set(run.rollouts["status"]) <= {"delivered", "rejected", "incomplete"}
    assert len(run.variables) == len(run.rollouts)


@pytest.mark.slow
@pytest.mark.parametrize("name", KNOWN)
async def test_a_technique_gives_its_known_answer(name: str, tmp_path: Path) -> None:
    """Within 3.3 standard errors of 800 draws (of the expectation, which is not estimated)."""
    run = await agentlab.run(name, tmp_path / "run", values={"draws": 800})
    for level, (measure, truth) in KNOWN[name].items():
        of_level = run.measures if level == "all" else run.measures[run.measures[run.factors[0]] == level]
        values = of_level[measure].dropna()
        error = sqrt(truth * (1 - truth) / len(values))
        assert abs(values.mean() - truth) <= 3.3 * error + 0.001, (level, values.mean(), truth, len(values))


def test_the_intervals_on_the_page_of_techniques_hold_the_known_answers() -> None:
    """By chance one in twenty does not."""
    text = (DOCS / "techniques.md").read_text(encoding="utf-8")
    held = dict[tuple[str, str], bool]()
    for name, levels in KNOWN.items():
        printed = text.partition(f"$ agentlab run {name}\n")[2].partition("```")[0]
        for level, low, high in re.findall(r"^ (\S+) +\d+ [^\[\n]*\[([\d.]+), ([\d.]+)\]", printed, re.MULTILINE):
            held[name, level] = float(low) <= levels[level][1] <= float(high)
    assert set(held) == {(name, level) for name, levels in KNOWN.items() for level in levels}
    assert sum(not holds for holds in held.values()) <= 2, held


@pytest.mark.parametrize("name", [name for name in KNOWN if name not in CHOOSING])
def test_the_known_answers_are_exact(name: str) -> None:
    design = load(name)
    task = next(iter(design.conditions[0].tasks.values()))
    for condition in design.conditions:
        options = {agent.name: condition.models[agent.model].options for agent in condition.organization.agents}
        if any("tables" not in option for option in options.values()):
            continue
        found = outcomes(condition.organization, task, {a: Table(**o) for a, o in options.items()})
        kept = {output: chance for output, chance in found.items() if output is not None}
        right = {"semi_supervised": "good", "star": "Half of 84 is 42."}.get(name, str(task.target))
        level = next(iter(condition.levels.values()), "all")
        assert kept[right] / sum(kept.values()) == pytest.approx(KNOWN[name][level][1], abs=0.0006)


@pytest.fixture
async def asked(tmp_path: Path) -> Run:
    file = tmp_path / "s.yaml"
    loop = "n: {loop: {x: {set: '{{n}}'}, half: {factor: {p: 0.5}}}, most: 2}\n      draw: {set: 7}"
    file.write_text(STEPS.replace(ASK, f"{ASK}\n      {loop}"))
    return await agentlab.run(file, tmp_path / "run")


async def test_variables_are_columns_and_lists_within_loops(asked: Run) -> None:
    table = asked.variables
    assert list(table)[-4:] == ["answer", "n", "x", "draw_value"]
    assert table["x"].tolist() == [[1, 2], [1, 2]]
    assert table["draw_value"].tolist() == [7.0, 7.0]
    assert asked.rollouts["log_weight"].tolist() == [pytest.approx(-1.3862943611198906)] * 2
    assert asked.rollouts["log_probability"].isna().all()


async def test_the_same_command_asks_nothing_again(asked: Run) -> None:
    again = await agentlab.run(asked.folder.parent / "s.yaml", asked.folder, draws=None)
    assert len(again.calls) == len(asked.calls)
    assert again.messages.equals(asked.messages)


LOOPS = """
      check: {when: {answer: never}, do: {doubt: {sample: "Sure?", by: ann, as: number}}}
      n: {loop: {more: {sample: "{{answer}}", by: ann, as: number, tries: 3}}, until: {answer: "no"}, most: 4}
      gone: {reject: {answer: {lacks: maybe}}}
      mean: {python: mean, with: {values: "{{more}}"}}"""


async def test_a_plan_counts_every_branch_and_iteration_of_a_program(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(STEPS.replace(ASK, f'{ASK[:-1]}, observe: "yes"}}{LOOPS}'))
    assert (await plan(load(file), Selection())).total.calls == 2 * (1 + 1 + 4)


VOTES = "inference: {kind: forward, particles: 5, take: {vote: VARIABLE}}\n"


async def test_a_vote_counts_the_values_of_a_variable_within_a_loop(tmp_path: Path) -> None:
    file, loop = tmp_path / "s.yaml", f"n: {{loop: {{{ASK}}}, most: 1}}"
    file.write_text(STEPS.replace(ASK, loop).replace("draws: 2", "draws: 12") + VOTES.replace("VARIABLE", "answer"))
    run = await agentlab.run(file, tmp_path / "run")
    outputs: Any = run.particles.groupby("rollout", observed=True)["output"]
    said = outputs.agg(_commonest)
    taken = run.rollouts.set_index("rollout")["output"]
    assert (said.loc[list(map(str, taken.index))].to_numpy() == taken.to_numpy()).all()


def test_a_vote_on_an_unknown_variable_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(STEPS + VOTES.replace("VARIABLE", "anwser"))
    with pytest.raises(ScenarioError, match="unknown variable 'anwser'; did you mean 'answer'"):
        load(tmp_path / "s.yaml")


ARMS = """
factors:
  seen: {"yes": {}, "no": {organization: {protocol: {steps: {answer: {observe: null}}}}}}
judges: {right: {kind: match, by: exact}}
measures: {correct: {judge: right}}
"""


async def test_arms_that_reject_different_draws_are_not_paired(tmp_path: Path) -> None:
    """Both arms draw the same answers, so that over pairs of kept rollouts there is never a difference."""
    observed = STEPS.replace('"no"]}}', '"no"]}, observe: "yes"}').replace("draws: 2", "draws: 20")
    (tmp_path / "s.yaml").write_text(observed + ARMS)
    run = await agentlab.run(tmp_path / "s.yaml", tmp_path / "run")
    (found,) = contrasts(run)
    plain = run.measures.loc[run.measures["seen"] == "no", "correct"].mean()
    assert found.result.difference == pytest.approx(1 - plain)
    assert (found.paired, found.conclusion) == (False, "open: missing data")
    assert any("inference: {kind: rejection, accept: 1}" in note for note in scope([found]))
    assert excerpt(run) is None  # values of variables are no messages


CUTS = """from agentlab.types import Capabilities, Completion

class Cuts:
    name, capabilities = "cuts", Capabilities(frozenset())

    async def complete(self, request):
        return Completion("I count 7 of these eggs, and I", stop="length")
"""


@pytest.mark.parametrize(("as_", "cut"), [("number", False), ("text", True)])
async def test_what_a_program_reads_in_a_cut_reply_is_not_cut_itself(tmp_path: Path, as_: str, cut: bool) -> None:
    (tmp_path / "cuts_here.py").write_text(CUTS)
    old = 'sim/replies, options: {replies: {"*": {"yes": 0.5, "no": 0.5}}}'
    ask = f'said: {{sample: "?", by: ann, as: {as_}}}\n      answer: {{set: "{{{{said}}}}"}}'
    (tmp_path / "s.yaml").write_text(STEPS.replace(old, '"cuts_here:Cuts"').replace(ASK, ask))
    run = await agentlab.run(tmp_path / "s.yaml", tmp_path / "run")
    assert run.calls["stop"].tolist() == ["length"] * 2
    assert run.rollouts["output_cut"].tolist() == [cut] * 2


# Scoring


def request(score: tuple[str, ...], **settings: Any) -> Request:
    chat = (ChatMessage("user", "Is it so?"),)
    return Request(chat, Settings(score=score, **settings), (), Where("r", "ann", 1, 0, 1, 2**62))


TOKENS = {"<user>Is it so?<bot>": [1, 2, 3], "<user>Is it so?<bot>yes<end>\n": [1, 2, 3, 7, 9, 10], "yes": [7]}


def served(asked: httpx2.Request) -> httpx2.Response:
    """A server that speaks as vLLM does: it tokenizes, and tells log-probabilities of a prompt."""
    import json

    body = json.loads(asked.content)
    if asked.url.path == "/tokenize":
        if "prompt" in body:
            return httpx2.Response(200, json={"tokens": TOKENS[body["prompt"]]})
        said = "".join(f"<{'bot' if m['role'] == 'assistant' else 'user'}>{m['content']}" for m in body["messages"])
        text = f"{said}<bot>" if body["add_generation_prompt"] else f"{said}<end>\n"
        return httpx2.Response(200, json={"tokens": TOKENS[text]})
    assert (asked.url.path, body["prompt"], body["prompt_logprobs"]) == ("/v1/completions", [1, 2, 3, 7, 9], 0)
    entries = [None, *({str(token): {"logprob": -token / 10}} for token in body["prompt"][1:])]
    return httpx2.Response(200, json={"choices": [{"prompt_logprobs": entries, "text": "", "index": 0}], "object": "x"})


class Network(httpx2.AsyncBaseTransport):
    """A transport whose replies stream, as those of a network do."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        reply = served(request)
        return httpx2.Response(reply.status_code, headers=reply.headers, stream=httpx2.ByteStream(reply.content))


async def test_vllm_scores_the_reply_with_the_end_of_its_turn() -> None:
    spec = ModelSpec.model_validate({"name": "vllm/small", "base_url": "http://127.0.0.1:9/v1"})
    model: Any = vllm.build(spec, Network())
    completion = await model.complete(request(("yes",), temperature=1.0))
    assert completion.logprobs is not None
    assert [(entry.token, entry.logprob) for entry in completion.logprobs] == [("yes", pytest.approx(-1.6))]
    assert completion.text == "yes"
    await model.aclose()


async def test_a_template_that_changes_the_reply_is_not_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOKENS, "<user>Is it so?<bot>yes<end>\n", [1, 2, 3, 8, 9])
    spec = ModelSpec.model_validate({"name": "vllm/small", "base_url": "http://127.0.0.1:9/v1"})
    model: Any = vllm.build(spec, Network())
    with pytest.raises(ModelError, match="chat template changes a given reply"):
        await model.complete(request(("yes",)))
    await model.aclose()


async def test_a_server_of_openai_does_not_score() -> None:
    spec = ModelSpec.model_validate({"name": "openai/small", "base_url": "http://127.0.0.1:9/v1"})
    model = openai.build(spec, Network())
    with pytest.raises(ModelError, match="does not support score"):
        await model.complete(request(("yes",)))
    await model.aclose()


async def test_llama_is_forced_by_token_ids() -> None:
    sent: list[Any] = []

    async def ask(path: str, body: dict[str, Any]) -> Any:
        sent.append(body)
        if path == "/tokenize":
            return {"tokens": [7042, 30]}
        content = [{"logprob": -1.0}, {"logprob": -0.5}, {"logprob": -0.25}]
        return {"choices": [{"logprobs": {"content": content}}], "usage": {"prompt_tokens": 5, "completion_tokens": 3}}

    completion: Completion = await scoring.complete(ask, scoring.forced, {"messages": []}, request(("London.",)))
    assert completion.logprobs is not None
    assert completion.logprobs[0].logprob == -1.75
    assert sent[1]["grammar"] == "root ::= <[7042]> <[30]>"
    assert completion.usage is not None
    assert completion.usage.input == 5
