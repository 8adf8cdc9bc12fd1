"""From a scenario to its design: crossing, patches, prompts, identities, judges, one's own parts."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agentlab.errors import ScenarioError
from agentlab.organization.agents import Closing
from agentlab.scenario.changed import differences
from agentlab.scenario.design import Design
from agentlab.scenario.loading import load
from agentlab.seeds import digest
from agentlab.types import Task
from tests.support.firm import PRESSURE, cell, design, section, wrong
from tests.support.scenarios import chain, scenario


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_factors_cross_in_the_order_they_are_written() -> None:
    made = design(PRESSURE)
    assert [condition.name for condition in made.conditions] == [
        "pressure=none,team=firm",
        "pressure=none,team=solo",
        "pressure=profit,team=firm",
        "pressure=profit,team=solo",
    ]
    assert made.factors == {"pressure": ("none", "profit"), "team": ("firm", "solo")}
    assert len({condition.identity for condition in made.conditions}) == 4
    assert cell(made, "pressure=profit,team=solo").levels == {"pressure": "profit", "team": "solo"}


def test_without_factors_there_is_one_condition_called_all() -> None:
    factors = section("factors", "draws")
    assert [condition.name for condition in design((factors, "")).conditions] == ["all"]


def test_an_agent_alone_is_asked_the_closing_question_as_the_end_of_its_task() -> None:
    made = design(PRESSURE)
    solo, firm = cell(made, "pressure=profit,team=solo"), cell(made, "pressure=profit,team=firm")
    assert solo.tasks["loan"].prompt == "Help Bank.\n\nEarn money.\n\nReport."
    assert firm.tasks["loan"].prompt == "Help Bank.\n\nEarn money."
    assert solo.organization.closing == firm.organization.closing == Closing("Report.", "boss")
    assert made.tasks == {"loan": Task("loan", "Help Bank.", None, {"client": "Bank"}, None)}


def test_the_closing_question_of_one_alone_goes_to_whoever_that_is() -> None:
    made = design(("cast: [boss]", "cast: [hand]"), ("[[boss]]", "[[hand]]"))
    assert cell(made, "team=solo").organization.closing == Closing("Report.", "hand")


def test_addenda_reach_whom_they_name_and_exposures_are_counted() -> None:
    addenda = "addendum:\n  one: {text: 'Mind {{agent}}.', to: [hand]}\n  two: {text: All., to: all}\n"
    made = design(("draws: 2", f"{addenda}draws: 2"))
    firm, solo = cell(made, "team=firm"), cell(made, "team=solo")
    assert firm.organization.roster["hand"].system == "Work.\n\nMind hand.\n\nAll."
    assert firm.organization.roster["boss"].system == "Lead.\n\nAll."
    assert firm.exposures == {"one": 1, "two": 2}
    assert solo.exposures == {"one": 0, "two": 1}


def test_only_the_cast_is_in_the_organization_in_the_order_of_the_cast() -> None:
    made = design(("  rounds: 4", "  cast: [hand, boss]\n  rounds: 4"))
    assert [agent.name for agent in cell(made, "team=firm").organization.agents] == ["hand", "boss"]
    assert [agent.name for agent in cell(made, "team=solo").organization.agents] == ["boss"]


def test_what_is_filled_in_is_not_a_template() -> None:
    made = design(("client: Bank", "client: '{{agent}} {{client}}'"))
    assert made.conditions[0].tasks["loan"].prompt == "Help {{agent}} {{client}}."


def test_settings_of_an_agent_win_over_those_of_its_model() -> None:
    made = design(
        ("{name: sim/chatter}", "{name: sim/chatter, temperature: 0.5, max_tokens: 100}"),
        ("hand: {system: Work.}", "hand: {system: Work., settings: {temperature: 1, stop: [X]}, memory: {last: 2}}"),
    )
    hand = cell(made, "team=firm").organization.roster["hand"]
    assert (hand.settings.temperature, hand.settings.max_tokens, hand.settings.stop) == (1, 100, ("X",))
    assert hand.memory == 2


def test_identity_follows_content_and_nothing_else() -> None:
    before = [condition.identity for condition in design().conditions]
    same = [
        ("team:", "staff:"),
        ("firm: {}", "company: {}"),
        ("tokens: 200k", "tokens: 300k"),
        ("draws: 2", "draws: 9"),
        ("utility:", "value:"),
        ("{name: sim/chatter}", "{name: sim/chatter, tries: 3, requests_per_minute: 5}"),
        ('prompt: "Help {{client}}."', "prompt: Do well."),
    ]
    for change in same:
        assert [condition.identity for condition in design(change).conditions] == before
    for change in [
        ("Lead.", "Lead!"),
        ("rounds: 4", "rounds: 5"),
        ("Report.", "Report!"),
        ("{name: sim/chatter}", "{name: sim/chatter, temperature: 1}"),
        ("{name: sim/chatter}", "{name: sim/replies}"),
        ("rounds: 4", "rounds: 4\n  calls: 3"),
        ("draws: 2", "addendum: {x: {text: Hurry., to: task}}\ndraws: 2"),
    ]:
        assert cell(design(change), "team=firm").identity != before[0]
    moved = design(
        ("boss: {system: Lead.}", "boss: {system: Lead., model: other}"),
        ("  judge:", "  other: {name: sim/chatter}\n  judge:"),
    )
    assert [condition.identity for condition in moved.conditions] == before


def test_options_replace_models_and_keep_only_the_length_of_replies() -> None:
    change = ("{name: sim/chatter}", "{name: sim/chatter, temperature: 0.5, max_tokens: 100, timeout: 9}")
    made = design(change, model="anthropic/claude-opus-4-5", judge_model="openai/gpt-5.2")
    spec = made.models["default"]
    assert (spec.name, spec.temperature, spec.max_tokens, spec.timeout) == ("anthropic/claude-opus-4-5", None, 100, 600)
    assert made.models["judge"].name == "openai/gpt-5.2"
    assert made.tree["models"]["default"] == {"name": "anthropic/claude-opus-4-5", "max_tokens": 100}
    assert "--model: models.default.name: unknown provider 'antropic'" in wrong(model="antropic/x")


def test_a_setting_is_refused_where_it_was_given() -> None:
    change = ("{system: Work.}", "{system: Work., settings: {temperature: 1}}")
    told = wrong(change, model="anthropic/claude-opus-5")
    assert told.startswith("s.yaml:11:51: organization.agents.hand.settings.temperature: ")


def test_money_is_limited_only_where_prices_are_known() -> None:
    limit = ("tokens: 200k", "cost: 5 USD")
    assert design(limit).limits.rollout.cost == 5
    told = wrong(limit, model="vllm/mine")
    assert "no price is known for 'vllm/mine', and limits.rollout.cost (s.yaml:29:26) needs one" in told
    assert "price: {input: …, output: …}" in told


def test_a_judge_that_needs_probabilities_gets_a_model_that_gives_them() -> None:
    change = ("kind: rubric", "kind: rubric\n    scoring: logprobs")
    assert "quality" in design(change).judges
    told = wrong(change, judge_model="anthropic/claude-opus-5")
    assert (
        "s.yaml:26:14: judges.quality.scoring: its model 'judge' (anthropic/claude-opus-5) does not support logprobs"
        in told
    )


JUDGES = section("judges", "measures")


def test_judges_are_found_beside_the_scenario_and_changed_by_it(tmp_path: Path) -> None:
    judges = tmp_path / "judges"
    judges.mkdir()
    (judges / "quality.yaml").write_text(
        "kind: rubric\ncriteria:\n  focus: {text: Is it focused?}\n  extra: {text: B?, count: false}\n"
    )
    named = design((JUDGES, "judges: [quality]\n"))
    assert named.scales["quality"] == {"focus": (1, 5), "extra": (1, 5)}
    assert named.counted["quality"] == ("focus",)
    assert named.tree["judges"]["quality"]["kind"] == "rubric"
    changed = design((JUDGES, "judges: {quality: {draws: 3}, twin: {from: quality, scale: {high: 7}}}\n"))
    assert changed.judges["quality"].draws == 3
    assert changed.scales["twin"]["focus"] == (1, 7)
    assert "s.yaml:23:10: judges[0]: no judge 'qualty'" in wrong((JUDGES, "judges: [qualty]\n"))
    (judges / "quality.yaml").write_text("kind: rubric\ncriteria: {focus: {txt: Is it focused?}}\n")
    assert "judges/quality.yaml:2:20: judges.quality.criteria.focus.txt" in wrong((JUDGES, "judges: [quality]\n"))


def test_mistakes_of_some_conditions_name_them() -> None:
    told = wrong(PRESSURE, ("[[boss]]", "[[bos]]"))
    line = next(line for line in told.splitlines() if line.startswith("s.yaml:24:75: "))
    assert "[in pressure=none,team=solo; pressure=profit,team=solo]" in line
    assert told.count("24:75") == 1


def test_two_factors_must_not_supply_one_value() -> None:
    pace = ("factors:\n", "factors:\n  pace:\n    slow: {organization: {cast: [hand]}}\n    fast: {}\n")
    assert "organization.cast: pace=slow (s.yaml:20:33) and team=solo supply the same value" in wrong(pace)


def test_a_placeholder_in_an_included_text_is_found_in_its_file(tmp_path: Path) -> None:
    (tmp_path / "boss.md").write_text("Lead.\nYou are {{agent}},\nnot {{agnt}}.\n")
    told = wrong(("system: Lead.", "system: !file boss.md"))
    assert told.startswith("boss.md:3:5: organization.agents.boss.system: the placeholder {{agnt}} is not known")


def test_tasks_may_come_as_lines(tmp_path: Path) -> None:
    tasks = section("tasks", "organization")
    lines = tmp_path / "tasks.jsonl"
    lines.write_text(
        '{"id": "a", "prompt": "A {{x}}", "fields": {"x": 1}}\n\n{"id": "b", "prompt": "B", "target": 2}\n'
    )
    made = design((tasks, "tasks: !file tasks.jsonl\n"))
    assert [(task.prompt, task.target) for task in made.tasks.values()] == [("A 1", None), ("B", "2")]
    lines.write_text('{"id": "a", "prompt": "A {{x}}"}\n{"id": "a", "prompt": 3}\n{"prompt": "x"}\n{"id": \n')
    told = wrong((tasks, "tasks: !file tasks.jsonl\n"))
    for place in ("tasks.jsonl:2:1: tasks.a: the id 'a' appears twice", "tasks.jsonl:3:1", "tasks.jsonl:4:"):
        assert place in told


OWN = """
from agentlab.tools import tool
from agentlab.types import Message, OUTPUT, TASK

class Ring:
    briefed, kinds, tags = frozenset({"boss"}), {}, ()
    def __init__(self, cast, closing, laps):
        self.cast, self.laps = cast, laps
        self.edges = {TASK: cast, **dict.fromkeys(cast, (OUTPUT,))}
    def open(self, task): return [Message(TASK, self.cast[:1], "task", task.prompt)]
    def manual(self, agent): return ""
    def route(self, agent, reply, log, round): return [Message(agent, (OUTPUT,), "output", reply.text)]

class Length:
    def __init__(self, most): self.criteria = {"length": (0, most)}
    async def __call__(self, judge_input, client): return []

@tool
async def search(scene, words: str) -> str:
    "Finds."
    return ""

class Mine:
    capabilities = None
    def __init__(self): pass
"""


def test_parts_of_ones_own_are_loaded_from_beside_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "own_parts_here.py").write_text(OWN)
    made = design(
        (
            "kind: mail\n    start: [boss]\n    contacts: {boss: [hand], hand: [boss]}",
            "kind: own_parts_here:Ring\n    laps: 2",
        ),
        (
            "    kind: rubric\n    criteria: {focus: {text: Is it focused?}}",
            "    kind: own_parts_here:Length\n    most: 9",
        ),
        ("criteria: [focus]", "criteria: [length]"),
        ("{system: Work.}", "{system: Work., tools: [calculate, own_parts_here:search]}"),
        ("{name: sim/chatter}", "{name: own_parts_here:Mine}"),
    )
    firm = cell(made, "team=firm").organization
    assert firm.protocol.open(made.tasks["loan"])[0].to == ("boss",)
    assert [spec.name for spec in firm.roster["hand"].offered] == ["calculate", "search"]
    assert made.scales["quality"] == {"length": (0, 9)}
    ring = "own_parts_here:Ring refuses its fields: TypeError"
    assert ring in wrong(("kind: mail", "kind: own_parts_here:Ring"))
    assert "'own_parts_here' has no 'Rong'" in wrong(("kind: mail", "kind: own_parts_here:Rong"))


def test_a_kind_of_message_means_one_thing_in_a_scenario(tmp_path: Path) -> None:
    odd = OWN.replace('kinds, tags = frozenset({"boss"}), {}, ()', 'kinds, tags = frozenset({"boss"}), KINDS, ()')
    text = "from agentlab.types import MessageKind\nKINDS = {'mail': MessageKind(fate='bounced')}\n" + odd
    (tmp_path / "odd_parts_here.py").write_text(text)
    told = wrong(("kind: chain, stages: [[boss]]", "kind: 'odd_parts_here:Ring', laps: 1"))
    assert "messages of kind 'mail' are declared differently in team=solo and in team=firm" in told


def test_equal_arms_are_an_a_a_check_only_without_coupling(tmp_path: Path) -> None:
    text = scenario("twins", organization=chain(["ann"], says=None), factors={"arm": {"a": {}, "b": {}}})
    path = tmp_path / "twins.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError, match=r"arm=a and arm=b are the same condition.*coupling: none"):
        load(path)
    path.write_text(text + "coupling: none\n")
    assert [condition.name for condition in load(path).conditions] == ["arm=a", "arm=b"]


ROUTE = """\
from agentlab.types import Message


class Steps:
    ordered = {"steps"}
    briefed, kinds, tags = frozenset(["boss"]), {}, ()
    edges = {"@task": ("boss",), "boss": ("hand", "@output"), "hand": ("@output",)}

    def __init__(self, cast, closing, steps, notes):
        self.cast = cast

    def open(self, task):
        return [Message("@task", ("boss",), "task", task.prompt)]

    def manual(self, agent):
        return ""

    def route(self, agent, reply, log, round):
        return [Message(agent, ("@output",), "output", reply.text)]
"""
STEPS = """\
spec: 1
name: steps
seed: 3
models: {default: {name: sim/chatter, temperature: 1, max_tokens: 30}}
tasks: {plan: {prompt: Plan it., fields: {a: 1, b: 2}}}
organization:
  agents: {boss: {system: Lead., memory: all}, hand: {system: Work.}}
  protocol: {kind: "my_steps:Steps", steps: {ask: x, tell: y}, notes: {one: 1, two: 2}}
  rounds: 2
addendum: {first: {text: Hurry., to: all}, second: {text: Rest., to: all}}
"""
ORDERED = [
    ("{ask: x, tell: y}", "{tell: y, ask: x}", "organization.protocol.steps"),
    (
        "boss: {system: Lead., memory: all}, hand: {system: Work.}",
        "hand: {system: Work.}, boss: {system: Lead., memory: all}",
        ".agents",
    ),
    (
        "first: {text: Hurry., to: all}, second: {text: Rest., to: all}",
        "second: {text: Rest., to: all}, first: {text: Hurry., to: all}",
        "addendum",
    ),
]
UNORDERED = [
    ("{one: 1, two: 2}", "{two: 2, one: 1}"),
    ("temperature: 1, max_tokens: 30", "max_tokens: 30, temperature: 1"),
    ("fields: {a: 1, b: 2}", "fields: {b: 2, a: 1}"),
    ("{system: Lead., memory: all}", "{memory: all, system: Lead.}"),
]


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Design]:
    """The design with a protocol of one's own, with a text replaced."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "my_steps", raising=False)
    Path("my_steps.py").write_text(ROUTE)

    def made(old: str = "", new: str = "") -> Design:
        assert old in STEPS
        Path("s.yaml").write_text(STEPS.replace(old, new) if old else STEPS)
        return load("s.yaml")

    return made


@pytest.mark.parametrize(("old", "new", "path"), ORDERED)
def test_what_differs_in_an_order_that_means_something_is_another_condition(
    steps: Callable[..., Design], old: str, new: str, path: str
) -> None:
    before, after = steps(), steps(old, new)
    assert before.conditions[0].identity != after.conditions[0].identity
    (change,) = differences(before.tree, after.tree, after.ordered)
    assert change[0].endswith(path)


@pytest.mark.parametrize(("old", "new"), UNORDERED)
def test_the_order_of_other_keys_does_not_count(steps: Callable[..., Design], old: str, new: str) -> None:
    before, after = steps(), steps(old, new)
    assert before.conditions[0].identity == after.conditions[0].identity
    assert {key: digest(task) for key, task in before.conditions[0].tasks.items()} == {
        key: digest(task) for key, task in after.conditions[0].tasks.items()
    }
    assert differences(before.tree, after.tree, after.ordered) == []


def test_contacts_may_be_written_in_any_order() -> None:
    contacts = "contacts: {boss: [hand], hand: [boss]}"
    before = [condition.identity for condition in design().conditions]
    assert [one.identity for one in design((contacts, "contacts: {hand: [boss], boss: [hand]}")).conditions] == before
