"""A judge of one's own, as docs/extending.md shows it: recorded, priced, resumed, and held to the same guards."""

from pathlib import Path

import pytest

import agentlab
from agentlab.runs.frames import Run
from bench.pages import DOCS, blocks
from tests.support.command import Commands

SCENARIO = """
spec: 1
name: own
models:
  default: {name: sim/chatter}
  judge: {name: "number_here:Number", price: {input: 1, output: 2}}
tasks: {t: {prompt: Write to me.}, u: {prompt: Write to us.}}
organization: {agents: {ann: {}}, protocol: {kind: chain, stages: [[ann]]}}
draws: 2
judges: {polite: {kind: "KIND"}}
"""
NUMBER = """
from agentlab.models.capabilities import EVERYTHING
from agentlab.types import Completion, Usage

class Number:
    name, capabilities = "number_here:Number", EVERYTHING

    async def complete(self, request):
        with open("asked.txt", "a") as file:
            print(request.where.actor, file=file)
        return Completion(str(request.where.stream % 11), usage=Usage(9, 1))
"""
FAULTY = """
from agentlab.types import ChatMessage, Settings, Verdict

class Faulty:
    criteria = {"a": (0, 1), "b": (0, 1)}

    def __init__(self, does): self.does = does

    async def __call__(self, judge_input, client):
        return getattr(self, self.does)()

    def beyond(self): return [Verdict("a", "scored", 1), Verdict("b", "scored", 1.5)]
    def no_number(self): return [Verdict("a", "scored", 1), Verdict("b", "scored", float("nan"))]
    def endless(self): return [Verdict("a", "scored", 1), Verdict("b", "scored", float("-inf"))]
    def fine(self): return [Verdict("a", "scored", 1), Verdict("b", "scored", 0)]
    def unknown(self): return [Verdict("a", "scored", 1), Verdict("b", "scored", 0), Verdict("c", "scored", 1)]
    def missing(self): return [Verdict("a", "scored", 1)]
    def text(self): return [Verdict("a", "scored", 1), Verdict("b", "scored", "good")]
    def nothing(self): return None
    def raises(self):
        raise KeyError("boom")

class Twice:
    criteria, model = {"a": (0, 1)}, "judge"

    async def __call__(self, judge_input, client):
        for question in ("How?", "Why?"):
            call = await client((ChatMessage("user", question),), Settings(), 0)
        return [Verdict("a", "scored", 1)]
"""
RAISED = 1 + next(i for i, row in enumerate(FAULTY.splitlines()) if "raise KeyError" in row)
NO_JUDGES = """
class Empty: pass

class Listed:
    criteria = ("a",)
    async def __call__(self, judge_input, client): return []

class Turned:
    criteria = {"a": (1, 0)}
    async def __call__(self, judge_input, client): return []

class Never:
    criteria, draws = {"a": (0, 1)}, 0
    async def __call__(self, judge_input, client): return []

class Plain:
    criteria = {"a": (0, 1)}
    def __call__(self, judge_input, client): return []
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("number_here.py").write_text(NUMBER, encoding="utf-8")
    Path("faulty_here.py").write_text(FAULTY, encoding="utf-8")
    Path("no_judges_here.py").write_text(NO_JUDGES, encoding="utf-8")
    shown = next(block.text for block in blocks(DOCS / "extending.md") if block.title == "politeness.py")
    Path("politeness.py").write_text(shown, encoding="utf-8")
    return tmp_path


def written(kind: str, does: str | None = None) -> Path:
    fields = f'"{kind}", does: {does}' if does else f'"{kind}"'
    Path("own.yaml").write_text(SCENARIO.replace('"KIND"', fields), encoding="utf-8")
    return Path("own.yaml")


def test_the_judge_of_the_documentation_is_recorded_priced_and_resumed(commands: Commands) -> None:
    scenario = written("politeness:Polite")
    first = commands.agentlab("run", str(scenario))
    assert first.code == 0, first.said
    asked = Path("asked.txt").read_text().splitlines()
    assert sorted(asked) == ["judge/polite/0"] * 4 + ["judge/polite/1"] * 4
    run = agentlab.load("runs/own")
    assert set(run.scores["outcome"]) == {"scored"}
    assert len(run.scores) == 8
    calls = run.calls[run.calls["actor"].astype("str").str.startswith("judge/")]
    assert (calls["cost"].astype(float) == (9 * 1 + 1 * 2) / 1e6).all()
    again = commands.agentlab("run", str(scenario))
    assert again.code == 0, again.said
    assert Path("asked.txt").read_text().splitlines() == asked


@pytest.mark.parametrize(
    ("does", "a", "b", "reason"),
    [
        ("beyond", "scored", "error", "'b' is 1.5, outside its scale from 0 to 1"),
        ("no_number", "scored", "error", "nan"),
        ("endless", "scored", "error", "'b' is -inf, outside its scale from 0 to 1"),
        ("unknown", "scored", "scored", "the judge declares no criterion 'c', only a, b"),
        ("missing", "scored", "error", "the judge gave 0 verdicts on 'b' instead of one"),
        ("text", "scored", "error", "scored with the value 'good'"),
        ("nothing", "error", "error", "TypeError: the judge gave NoneType instead of a list of verdicts"),
        ("raises", "error", "error", f"faulty_here.py:{RAISED})"),
    ],
)
def test_what_a_judge_of_ones_own_does_wrong_is_an_error_and_no_score(
    does: str, a: str, b: str, reason: str, commands: Commands
) -> None:
    ended = commands.agentlab("run", str(written("faulty_here:Faulty", does)))
    assert ended.code == 1, ended.said
    run: Run = agentlab.load("runs/own")
    outcomes = run.scores.groupby("criterion", observed=True)["outcome"].agg(lambda found: set(found).pop())
    assert (outcomes["a"], outcomes["b"]) == (a, b)
    errors = run.scores[run.scores["outcome"] == "error"]
    assert errors["value"].isna().all()
    assert errors["reason"].str.contains(reason, regex=False).all()


def test_two_calls_of_a_draw_need_two_places_and_none_takes_the_row_of_another(commands: Commands) -> None:
    ended = commands.agentlab("run", str(written("faulty_here:Twice")))
    assert ended.code == 1, ended.said
    run: Run = agentlab.load("runs/own")
    assert set(run.scores["outcome"]) == {"error"}
    assert run.scores["reason"].str.contains("k = 0 was already asked in this draw", regex=False).all()
    assert len(Path("asked.txt").read_text().splitlines()) == (run.calls["purpose"] == "judge").sum() == 4


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("Empty", "is not a judge; give it async def __call__(self, judge_input, client)"),
        ("Plain", "is not a judge; give it async def __call__(self, judge_input, client)"),
        ("Listed", "has criteria = ('a',); give it a mapping of each criterion to its lowest and highest value"),
        ("Turned", "has a scale from 1 to 0 for 'a'; give the lowest value first"),
        ("Never", "has draws = 0; give it a whole number, 1 or more"),
    ],
)
def test_a_class_that_is_no_judge_is_a_mistake_before_the_first_call(name: str, wrong: str, commands: Commands) -> None:
    Path("own.yaml").write_text(SCENARIO.replace("KIND", f"no_judges_here:{name}"), encoding="utf-8")
    ended = commands.agentlab("check", "own.yaml")
    assert ended.code == 2
    assert wrong in " ".join(ended.said.split())


TWO_ARMS = ("draws: 2", "draws: 2\nfactors: {team: {a: {}, b: {addendum: {b: {text: Be brief., to: task}}}}}")


@pytest.mark.parametrize(
    ("kind", "does", "why"),
    [
        ("politeness:Polite", None, "a judge of your own that uses a model has no anchor texts"),
        ("faulty_here:Faulty", "fine", ""),
    ],
)
def test_a_judge_without_anchors_says_who_did_better_only_if_it_asks_no_model(
    kind: str, does: str | None, why: str, commands: Commands
) -> None:
    scenario = written(kind, does)
    scenario.write_text(scenario.read_text().replace(*TWO_ARMS))
    ended = commands.agentlab("run", str(scenario))
    assert ended.code == 0, ended.said
    summary = agentlab.summarize(agentlab.load("runs/own"))
    assert ({contrast.conclusion for contrast in summary.contrasts} == {"suppressed"}) is bool(why)
    assert summary.suppressed == ({"polite": why} if why else {})
    assert all((arm.measures["polite"].observed is None) is bool(why) for arm in summary.arms)
    told = f"The polite scores are suppressed: their judge has not been validated: {why}."
    assert (told in " ".join(ended.out.split())) is bool(why)
