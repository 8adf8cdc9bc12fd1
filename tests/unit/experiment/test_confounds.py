"""What differs between arms: each kind of difference alone, none where there is none, and where it is shown."""

import asyncio
import re
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

from agentlab import api as notebook
from agentlab.analysis.summary import summarize
from agentlab.errors import ScenarioError
from agentlab.experiment.confounds import confounds, phrase
from agentlab.experiment.facts import facts
from agentlab.scenario.design import Design
from agentlab.scenario.loading import load
from tests.support.firm import Change, design

SOLO = "solo: {organization: {cast: [boss], protocol: {kind: chain, stages: [[boss]]}}}"
ADDED = (
    "factors:\n",
    "addendum: {duty: {text: Earn money., to: task}, care: {text: 'Care, {{agent}}.', to: [boss]}}\nfactors:\n",
)


def arm(level: str, *changes: Change) -> tuple[str, ...]:
    """In what this level differs from the firm."""
    return of(design((SOLO, f"other: {level}"), *changes))


def of(made: Design) -> tuple[str, ...]:
    one, other = (msgspec.json.decode(msgspec.json.encode(facts(c))) for c in made.conditions)
    assert confounds(one, one) == confounds(other, other) == ()
    assert len(confounds(one, other)) == len(confounds(other, one))
    return confounds(one, other)


@pytest.mark.parametrize(
    ("level", "found"),
    [
        ("{organization: {agents: {hand: {system: Idle.}}}}", "system prompts (hand)"),
        ("{organization: {agents: {hand: {settings: {temperature: 0.5}}}}}", "temperature unset versus 0.5 and unset"),
        ("{organization: {agents: {hand: {memory: unread}}}}", "memory all versus all and unread"),
        (
            "{models: {default: {name: sim/replies, options: {replies: {'*': {a: 1}}}}}}",
            "model sim/chatter versus sim/replies",
        ),
        ("{models: {default: {options: {seconds: 0.001}}}}", "address or options of the model"),
        ("{models: {default: {max_tokens: 9}}}", "max_tokens unset versus 9"),
        ("{organization: {protocol: {brief: all}}}", "brief shown to 1 of 2 versus 2 of 2"),
        ("{organization: {protocol: {untagged: contacts}}}", "protocol (untagged)"),
        ("{organization: {protocol: {veto: [hand]}}}", "protocol (veto)"),
        ("{organization: {closing: {ask: Say it.}}}", "closing question"),
        ("{organization: {closing: null}}", "structure, closing question (only in the first)"),
        ("{organization: {rounds: 2}}", "rounds 4 versus 2"),
        ("{tasks: {loan: {prompt: Serve.}}}", "task text"),
        ("{addendum: {duty: null}}", "addendum duty read by 1 of 2 versus 0 of 2"),
        ("{addendum: {duty: {text: Save money.}}}", "words of addendum duty"),
        ("{addendum: {care: {to: all}}}", "addendum care read by 1 of 2 versus 2 of 2"),
        ("{organization: {protocol: {contacts: {hand: []}}, output: [hand, boss]}}", "structure only"),
    ],
)
def test_each_difference_alone(level: str, found: str, workdir: Path) -> None:
    assert phrase(arm(level, ADDED)) == found


NEW = 'hand: {system: Work.}\n    x: {system: Lead.}\n    y: {system: Work.}\n    z: {system: "Lead.\\n\\nWork."}'
MORE = ("hand: {system: Work.}", NEW)
CAST = ("  rounds: 4\n", "  rounds: 4\n  cast: [boss, hand]\n")


def test_structure_is_told_apart_from_prompts(workdir: Path) -> None:
    mail = "{kind: mail, start: [x], contacts: {x: [y], y: [x]}}"
    same = f"{{organization: {{cast: [x, y], protocol: {mail}, closing: {{agent: x}}}}}}"
    assert arm(same, MORE, CAST) == ()
    alone = "{organization: {cast: [z], protocol: {kind: chain, stages: [[z]]}}}"
    informed = arm(alone, MORE, CAST)
    assert informed == ("structure", "brief shown to 1 of 2 versus 1 of 1")
    every = ("start: [boss]\n", "start: [boss]\n    brief: all\n")
    assert phrase(arm(alone, MORE, CAST, every)) == "structure only"
    other = arm(alone, MORE, CAST, every, ('z: {system: "Lead.', 'z: {system: "Guide.'))
    assert other == ("structure", "system prompts (boss, z)")


def test_addenda_that_stand_in_the_others_prompts_are_no_difference(workdir: Path) -> None:
    alone = (
        "{organization: {cast: [x], protocol: {kind: chain, stages: [[x]]}}, addendum: {all: {text: Work., to: all}}}"
    )
    every = ("start: [boss]\n", "start: [boss]\n    brief: all\n")
    assert phrase(arm(alone, MORE, CAST, every)) == "structure only"


BOARD = """spec: 1
name: board
models: {default: {name: sim/chatter}}
tasks: {page: {prompt: Write a page.}}
organization:
  agents: {lead: {}, hand: {}, other: {}, eye: {}}
  cast: [lead, hand, eye]
  protocol: {kind: board, lead: lead, workers: [hand], review: {by: [eye], checklist: [It is short.]}}
factors:
  team:
    first: {}
    second: LEVEL
"""


@pytest.mark.parametrize(
    ("level", "found"),
    [
        ("{organization: {protocol: {review: {checklist: [Nobody is harmed.]}}}}", "protocol (review.checklist)"),
        ("{organization: {protocol: {plant: {flaw: {text: Wrong.}}, tries: 2}}}", "protocol (tries, plant.flaw)"),
        ("{organization: {protocol: {plan: {rounds: 2}}}}", "protocol (plan)"),
        ("{organization: {cast: [lead, other, eye], protocol: {workers: [other]}}}", "nothing"),
        (
            "{organization: {agents: {hand: {tools: [read, write]}}}}",
            "tools (only in the second: read + write)",
        ),
        (
            "{organization: {agents: {lead: {tools: [read]}, hand: {tools: [read, write]}, eye: {tools: [read]}}}}",
            "tools (only in the first: no tools; only in the second: read, read + write)",
        ),
    ],
)
def test_fields_of_a_board_are_compared(level: str, found: str, workdir: Path) -> None:
    Path("s.yaml").write_text(BOARD.replace("LEVEL", level), encoding="utf-8")
    assert phrase(of(load("s.yaml"))) == found
    only_names = "names of agents only" if found == "nothing" else found
    assert f"first | second: {only_names}\n" in shows()


def test_steps_of_a_baseline_are_told_where_the_structure_is_the_same(workdir: Path) -> None:
    matched = "matched: {baseline: {of: solo, by: refine, match: tokens, agent: boss}}"
    made = design((SOLO, f"{SOLO}\n    {matched}"))
    one, other = (msgspec.json.decode(msgspec.json.encode(facts(c))) for c in made.conditions[-2:])
    assert confounds(one, other) == ("steps of a baseline (only in the second)",)


def test_a_baseline_differs_by_the_level_that_sets_its_budget_and_not_by_the_cell_it_is_in(workdir: Path) -> None:
    matched = "baseline: {of: firm, by: refine, match: tokens, agent: boss}"
    levels = f"{SOLO}\n    like_firm: {{{matched}}}\n    like_solo: {{{matched.replace('firm', 'solo')}}}"
    pay = "\n  pay: {low: {}, high: {models: {default: {max_tokens: 9}}}}"
    arms = {c.name: msgspec.json.decode(msgspec.json.encode(facts(c))) for c in design((SOLO, levels + pay)).conditions}
    low, high = (arms[f"team=like_firm,pay={pay}"] for pay in ("low", "high"))
    assert confounds(low, high) == ("max_tokens unset versus 9",)
    assert "how a budget is spent" in confounds(low, arms["team=like_solo,pay=low"])


def test_nothing_recorded() -> None:
    assert confounds({}, {}) == ("what was not recorded",)
    assert phrase(()) == "nothing"


def test_contrasts_carry_it_and_their_analysis_prints_it(workdir: Path) -> None:
    design(("name: sim/replies", "name: sim/chatter"))
    run = asyncio.run(notebook.run("s.yaml", out="run"))
    found = summarize(run).contrasts[0].arms.confounds
    assert found[:3] == ("structure", "system prompts (hand)", "brief shown to 1 of 2 versus 1 of 1")
    assert re.fullmatch(r"compute \([\d.]+x the output tokens\)", found[3])
    result = CliRunner(env={"COLUMNS": "250"}).invoke(app, ["stats", "run", "contrasts", "--all"])
    assert "structure, system prompts (hand), brief shown to 1 of 2" in result.stdout


def shows(*options: str) -> str:
    result = CliRunner().invoke(app, ["show", "s.yaml", *options])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_show_draws_each_arm_and_tells_what_differs_prompt_by_prompt(workdir: Path) -> None:
    design((SOLO, SOLO + "\n    new: {organization: {agents: {hand: {system: Idle.}}}}"), ADDED)
    text = shows()
    assert "client → boss\n    1  boss → hand, output\n    2  hand → boss\n    2 agents, 2 contacts, depth 2" in text
    assert "firm | new: system prompts (hand)\n" in text
    assert (
        "firm | solo: structure, system prompts (hand), brief shown to 1 of 2 versus 1 of 1\n    only in firm: hand"
        in text
    )
    assert "system prompt of hand · team new → firm\n  │ -Idle.\n  │ +Work.\n" in text or (
        "system prompt of hand · team firm → new\n  │ -Work.\n  │ +Idle.\n" in text
    )
    assert text.count("Idle.") == 1


def test_svg_is_whole_and_holds_every_agent(workdir: Path) -> None:
    design()
    assert shows("--svg", "o.svg") == "wrote o.svg\n"
    tree = ElementTree.fromstring(Path("o.svg").read_text(encoding="utf-8"))
    words = [node.text for node in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert words.count("client") == words.count("output") == 2
    assert words.count("boss") == 2
    assert words.count("hand") == 1
    assert "team=firm" in words
    assert not [node for node in tree.iter() if any("href" in name for name in node.attrib)]
    with pytest.raises(ScenarioError, match="--svg is for scenarios"):
        shows("--svg", "o.svg", "--rollout", "abcd")


def test_every_shipped_scenario_is_drawn_and_told(workdir: Path) -> None:
    for name in ("quickstart", "template"):
        assert load(name).name
        assert CliRunner().invoke(app, ["show", name, "--svg", f"{name}.svg"]).exit_code == 0
        ElementTree.fromstring(Path(f"{name}.svg").read_text(encoding="utf-8"))
        assert CliRunner().invoke(app, ["show", name]).exit_code == 0
