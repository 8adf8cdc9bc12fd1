"""Programs in Python through the public entry: as those in YAML, under every method, replayed, and refused in words."""

from pathlib import Path
from typing import Any

import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

import agentlab
from agentlab.engine.client import Client
from agentlab.engine.play import play
from agentlab.errors import AgentlabError, ProtocolError, ScenarioError
from agentlab.experiment.specs import Selection, rollout_specs
from agentlab.models.serve import get_model
from agentlab.runs.frames import Run
from agentlab.scenario.loading import load
from agentlab.types import Call

HEAD = """spec: 1
name: states
models:
  default:
    name: sim/cascades.table:Table
    options:
      tables:
        dynamics: {"state A": {A: 0.8, B: 0.2}, "state B": {A: 0.3, B: 0.7}}
        sensor: {"state A": {x: 0.9, y: 0.1}, "state B": {x: 0.2, y: 0.8}}
tasks: {chain: {prompt: What is the last state?, target: B, fields: {seen: [x, y, y]}}}
organization:
  agents: {dynamics: {}, sensor: {}}
  protocol: PROTOCOL
factors:
  method:
    plain: {}
    forward: {inference: {kind: forward, particles: 8}}
    rejection: {inference: {kind: rejection, accept: 1, most: 30, at_once: 5}}
    weighting: {inference: {kind: weighting, particles: 6}}
    smc: {inference: {kind: smc, particles: 6, likelihood: {sample: 3}, resample: 1}}
    beam: {inference: {kind: beam, beams: 2, expand: 2}}
draws: 1
seed: 11
judges: {last: {kind: match, by: exact}}
"""
IN_YAML = """
    kind: cascade
    steps:
      state: {choose: {A: 0.5, B: 0.5}}
      t:
        loop:
          state: {sample: "What follows state {{state}}?", by: dynamics, as: {choice: [A, B]}}
          sign: {sample: "What shows in state {{state}}?", by: sensor, as: {choice: [x, y]}, observe: "{{t}}"}
        over: "{{seen}}"
    return: "{{state}}"
"""
IN_PYTHON = """
from agentlab.organization.steps import Choose, Factor, Reject, Sample, Value


def states(task, ask="What follows state"):
    state = yield Choose("state", {"A": 0.5, "B": 0.5})
    for sign in task.fields["seen"]:
        state = yield Sample("state", f"{ask} {state}?", by="dynamics", reading={"choice": ["A", "B"]})
        yield from shows(state, sign)
    return state


def shows(state, sign):
    yield Sample("sign", f"What shows in state {state}?", by="sensor", reading={"choice": ["x", "y"]}, observe=sign)
"""


def written(folder: Path, source: str, module: str, fields: str = "") -> Path:
    (folder / f"{module}.py").write_text(source)
    file = folder / "s.yaml"
    file.write_text(HEAD.replace("PROTOCOL", f'{{kind: "{module}:states"{fields}}}'))
    return file


def rows(run: Run) -> Any:
    return run.rollouts[["method", "draw", "status", "output", "log_weight", "log_evidence", "ess"]].to_dict("list")


async def test_a_program_in_python_is_the_one_in_yaml_under_every_method(tmp_path: Path) -> None:
    yaml = tmp_path / "yaml.yaml"
    yaml.write_text(HEAD.replace("PROTOCOL", IN_YAML))
    one = await agentlab.run(yaml, tmp_path / "one")
    other = await agentlab.run(written(tmp_path, IN_PYTHON, "states_here"), tmp_path / "other")
    assert repr(rows(one)) == repr(rows(other))
    assert other.rollouts["log_weight"].notna().any()
    assert other.variables["state"].tolist() == one.variables["state"].tolist()
    assert not other.rollouts["status"].isin(["infrastructure", "cancelled"]).any()


async def test_a_stored_rollout_is_replayed_without_a_call(tmp_path: Path) -> None:
    design = load(written(tmp_path, IN_PYTHON, "states_twice"))
    spec, condition = next(rollout_specs(design, 1, Selection()))
    model, asked = get_model(design.models["default"]), list[Call]()

    async def record(key: str, call: Call) -> None:
        asked.append(call)

    first = await play(spec, Client(dict.fromkeys(condition.models, model), record))
    made = {(call.actor, call.round, call.k): call for call in asked}
    half = dict(list(made.items())[: len(made) // 2])
    asked.clear()
    for known, calls in ((made, 0), (half, len(made) - len(half))):
        again = await play(spec, Client(dict.fromkeys(condition.models, model), record, recorded=known))
        assert (again.messages, again.output) == (first.messages, first.output)
        assert len(asked) == calls


BODY = "def states(task):\n    "
SAMPLE = 'yield Sample("a", "?", by="dynamics"'
REFUSED = [
    (f"{BODY}return 1", "states is a function without `yield`"),
    ("def states(task, x):\n    yield Reject()", "states refuses its fields: missing a required argument: 'x'"),
    (f'{BODY}yield Sample("a", "?", by="dynamo")', r":4\): step 'a': by: no agent 'dynamo' in the cast; write 'dynam"),
    (f"{BODY}yield Value('n', 1)\n    {SAMPLE}, reading='numbr')", r":5\): step 'a': as"),
    (f"{BODY}{SAMPLE}, observe=1, times=2)", r":4\): step 'a': times: `times` cannot be used with `observe`"),
    (f"{BODY}{SAMPLE}, reading='text', observe='x')", "step 'a': free text is observed"),
    (f"{BODY}yield 3", r":4\): int is not a step"),
    (f"{BODY}yield Value('a b', 3)", "the name 'a b' cannot be used"),
    (f"{BODY}yield Value('a', {{1, 2}})", "Object of type set is not JSON serializable"),
    (f"{BODY}yield Choose('a', [1], k=2)", "there are fewer than 2 options"),
    (f"{BODY}yield Factor()", "a factor has either `p` or `log`"),
    (f"{BODY}yield [Choose('a', [1])]", "a list can only hold Sample steps"),
    (f"{BODY}yield [Sample('a', '?', 'sensor'), Sample('b', '?', 'sensor')]", "two questions to 'sensor' at the same"),
    (f"{BODY}yield 1 / 0", "raised ZeroDivisionError: division by zero"),
    (f"{BODY}while True:\n        yield Value('a', 1)", "10,000 steps in a row without a question"),
]


@pytest.mark.parametrize(("source", "said"), REFUSED)
def test_what_cannot_be_is_told_before_the_first_call(tmp_path: Path, source: str, said: str) -> None:
    head = "from agentlab.organization.steps import Choose, Factor, Reject, Sample, Value\n\n"
    file = written(tmp_path, head + source, f"refused_{REFUSED.index((source, said))}")
    file.write_text(file.read_text().partition("factors:")[0])
    with pytest.raises(ScenarioError, match=said) as told:
        load(file)
    assert "s.yaml:13:20" in str(told.value)


CHANGING = """
from itertools import count

from agentlab.organization.steps import Sample, Value

numbers = count()


def states(task):
    BEFORE
    answer = yield Sample("answer", ASK, by="dynamics", observe="A", reading={"choice": ["A", "B"]})
    return AFTER
"""


@pytest.mark.parametrize(
    ("before", "ask", "after", "said"),
    [
        ("", 'f"state A {next(numbers)}"', "answer", r"changing_0.py:11\): this time the question 'state A"),
        ("", '"state A"', "next(numbers)", r"changing_1.py:9\) ended differently for the same replies"),
        ('yield Value("n", next(numbers))', '"state A"', "answer", r"changing_2.py:10\): this time the value"),
    ],
)
async def test_a_program_that_does_otherwise_the_second_time_is_refused(
    tmp_path: Path, before: str, ask: str, after: str, said: str
) -> None:
    source = CHANGING.replace("BEFORE", before or "pass").replace("ASK", ask).replace("AFTER", after)
    file = written(tmp_path, source, f"changing_{said[9]}")
    with pytest.raises(ProtocolError, match=said):
        await agentlab.run(file, tmp_path / "run", only={"method": "smc"})


HOSTILE = """
from agentlab.organization.steps import Sample


def states(task):
    reply = yield Sample("reply", "{{target}} state A", by="dynamics")
    EFFECT
"""


ENDINGS = [
    ("return int(reply)", r"raised ValueError: invalid literal.*ends_0.py:9"),
    ("while reply:\n        pass", "took more than 0.05 seconds"),
    ('yield Sample("x", reply, by=reply)', r"ends_2.py:9\): step 'x': by: no agent"),
]


@pytest.mark.parametrize("number", range(len(ENDINGS)))
async def test_an_error_after_a_reply_names_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    effect, said = ENDINGS[number]
    monkeypatch.setattr("agentlab.organization.cascade.functions.SECONDS", 0.05)
    made_up = "if reply == 'word':\n        return\n    "
    file = written(tmp_path, HOSTILE.replace("EFFECT", made_up + effect), f"ends_{number}")
    with pytest.raises(AgentlabError, match=said):
        await agentlab.run(file, tmp_path / "run", only={"method": "plain"})


async def test_the_text_of_a_model_is_no_template_and_limits_hold(tmp_path: Path) -> None:
    file = written(tmp_path, HOSTILE.replace("EFFECT", "return reply"), "plain_text")
    run = await agentlab.run(file, tmp_path / "run", only={"method": "plain"})
    assert (run.messages.query("kind == 'step'")["content"] == "{{target}} state A").all()
    file = written(tmp_path, IN_PYTHON, "states_limited")
    file.write_text(file.read_text() + "limits: {rollout: {tokens: 30}}\n")
    limited = await agentlab.run(file, tmp_path / "limited", only={"method": ["plain", "smc"]})
    assert set(limited.rollouts["status"]) <= {"limit", "rejected"}
    assert "limit" in set(limited.rollouts["status"])


async def test_steps_are_listed_and_other_source_is_another_program(tmp_path: Path) -> None:
    file = written(tmp_path, IN_PYTHON, "states_listed", ', ask: "What is next after state"')
    told = CliRunner().invoke(app, ["show", str(file)]).output
    assert "sign   sample  sensor" in told
    assert "as choice" in told
    assert "plain | forward: inference" in told


def test_several_questions_are_asked_at_the_same_time(tmp_path: Path) -> None:
    source = IN_PYTHON.partition("def states")[0] + (
        "def states(task):\n"
        '    a, b = yield [Sample("a", "state A", "dynamics"), Sample("b", "state A", "sensor", times=3)]\n'
        '    return f"{a} {len(b)}"\n'
    )
    file = written(tmp_path, source, "states_together")
    told = CliRunner().invoke(
        app, ["run", str(file), "--only", "method=plain", "--out", str(tmp_path / "run"), "--quiet"]
    )
    assert told.exit_code == 0, told.output
    run = agentlab.load(tmp_path / "run")
    assert set(run.rollouts["rounds"]) == {1}
    assert all(output[2] == "3" for output in run.rollouts["output"])
