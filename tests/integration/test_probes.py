"""Probes of judges: a known effect of length, layout, place and kinship is found, priced first and paid for once."""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentlab
from agentlab.analysis.judges.probes import probes
from agentlab.errors import AnalysisError
from agentlab.experiment.judging.added import rejudge
from agentlab.experiment.judging.perturb import PADDING, perturbed
from agentlab.experiment.judging.probes import estimate, probe
from agentlab.experiment.progress import Progress
from agentlab.judges.plain_text import plain
from agentlab.models import capabilities as families
from agentlab.runs.frames import Run
from agentlab.runs.frames import load as load_run
from agentlab.seeds import stream
from agentlab.types import Completion, Request
from tests.support.command import Commands
from tests.support.scenarios import chain, numbered, rubric, scenario

_OUTPUT = re.compile(r"<output>\n(.*)\n</output>", re.DOTALL)
_WORTH = re.compile(r"worth\W+(\d+)")


@dataclass(slots=True)
class Ann:
    """Writes a text of some worth; as a judge gives that worth, and so much more for the rest."""

    low: int = 20
    padded: int = 0
    markdown: int = 0
    noise: int = 0
    own: int = 0
    sign: str = "Ann"
    name: str = "tests.integration.test_probes:Ann"
    capabilities: Any = families.EVERYTHING
    asked: ClassVar[list[str]] = []

    async def complete(self, request: Request) -> Completion:
        last, at = request.chat[-1].content, request.where.stream
        if "<verdict" not in last:
            text = f"Plan\nThis is {self.sign} here. It is worth {self.low + at % 9} to you. We begin at once."
            return Completion(text)
        found = _OUTPUT.search(last)
        assert found is not None
        Ann.asked.append(found[1])
        worth = _WORTH.search(found[1])
        assert worth is not None
        score = int(worth[1]) + self.padded * any(sentence in found[1] for sentence in PADDING)
        score += self.markdown * ("**" in found[1]) + self.noise * (stream(at, found[1]) % 3 - 1)
        score += self.own * (self.sign in found[1])
        names = re.findall(r'<verdict criterion="(\w+)"', last)
        lines = (f'<verdict criterion="{n}"><reason>so</reason><score>{score}</score></verdict>' for n in names)
        return Completion("\n".join(lines))


@dataclass(slots=True)
class Ben(Ann):
    """Of another family."""

    sign: str = "Ben"
    name: str = "tests.integration.test_probes:Ben"


def written(tasks: dict[str, Any], *, judged: bool = True) -> str:
    """Two arms; a judge that prefers what is long, laid out or its own, and one of another family."""
    ann, ben = "tests.integration.test_probes:Ann", "tests.integration.test_probes:Ben"
    options = {"padded": 7, "markdown": 4, "noise": 1, "own": 6}
    organization = chain(["one"], says="Work.", cast=["one"])
    organization["agents"]["two"] = {"system": "Work.", "model": "ben"}
    judges = {
        "quality": rubric({"good": "Is it good?"}, 90, 2),
        "second": rubric({"good": "Is it good?"}, 90, model="other"),
    }
    return scenario(
        "tried",
        seed=5,
        models={
            "default": {"name": ann},
            "ben": {"name": ben, "options": {"low": 25}},
            "judge": {"name": ann, "price": {"input": 1, "output": 5}, "options": options},
            "other": {"name": ben, "options": {"own": 2}},
        },
        tasks=tasks,
        organization=organization,
        factors={"team": {"ann": {}, "ben": {"organization": {"cast": ["two"], "protocol": {"stages": [["two"]]}}}}},
        draws=3,
        **({"judges": judges} if judged else {}),
    )


@pytest.fixture(autouse=True)
def _fresh(workdir: Path) -> None:
    Ann.asked.clear()


def run(tasks: int = 6) -> Run:
    Path("s.yaml").write_text(written(numbered(tasks, "Task {}.")))
    return asyncio.run(agentlab.run("s.yaml"))


def tried(sample: int = 24) -> Run:
    asyncio.run(probe(Path("runs/tried"), ["length", "format"], sample, Progress()))
    return load_run("runs/tried")


def test_effects_of_length_layout_and_kinship_are_found_beside_noise_and_arms() -> None:
    run()
    table = probes(tried()).tables["probes"]
    found: dict[Any, Any] = {(r["judge"], r["probe"]): r for r in table.to_dict("records")}
    length, layout = found["quality", "length"], found["quality", "format"]
    near = (
        3.5 * (2 * 2 / 3 / 24) ** 0.5
    )  # standard errors: a score's noise is -1, 0 or 1, and 24 differences have two each
    assert length["effect"] == pytest.approx(7, abs=near)
    assert length["these_tasks_low"] < 7 < length["these_tasks_high"]
    assert layout["effect"] == pytest.approx(4, abs=near)
    assert (length["outputs"], length["tasks"]) == (24, 6)
    assert length["noise"] == pytest.approx((2 / 3) ** 0.5, abs=0.2)
    assert length["arms"] == pytest.approx(abs(5 - 6), abs=2)
    assert found["second", "length"]["effect"] == pytest.approx(0)
    kin = next(row for (_, name), row in found.items() if name == "self")
    assert kin["effect"] == pytest.approx((6 + 2) / 2, abs=0.5)
    assert kin["new_tasks_low"] < 4 < kin["new_tasks_high"]


def test_the_price_comes_first_and_nothing_is_paid_twice() -> None:
    made = run()
    before, folder = len(Ann.asked), Path("runs/tried")
    outputs, first = asyncio.run(estimate(folder, ["length", "format"], 10))
    assert (outputs, first.calls) == (10, 10 * 2 * 2)
    assert first.cost is None  # the other judge has no price
    tried(10)
    assert len(Ann.asked) - before == first.calls
    assert asyncio.run(estimate(folder, ["length", "format"], 10))[1].calls == 0
    tried(10)
    assert len(Ann.asked) - before == first.calls
    again = tried(15)
    assert len(Ann.asked) - before == 15 * 2 * 2
    assert len(again.rollouts) == len(made.rollouts) == 36
    assert len(again.scores) == len(made.scores)
    assert again.forks.empty
    known = made.rollouts.set_index("rollout")["output"]
    cells = made.rollouts.groupby(["task", "condition"], observed=True).size()
    assert len(cells) == 12
    assert sum(text in set(known) for text in Ann.asked[before:]) == 0  # no output is judged again as it is


def test_a_judge_that_takes_formatting_out_is_not_asked_about_it() -> None:
    run(2)
    Path("plain.yaml").write_text(
        "kind: rubric\nnormalise: true\nscale: {low: 0, high: 90}\ncriteria: {good: {text: A?}}\n"
    )
    asyncio.run(rejudge(Path("runs/tried"), ["plain.yaml"], None, Progress()))
    found = probes(tried(4))
    table = found.tables["probes"]
    assert set(table.loc[table["judge"] == "plain", "probe"]) == {"length"}
    assert any("plain: formatting is removed" in note for note in found.notes)


def test_what_there_is_nothing_to_go_by_is_said() -> None:
    text = written({"t": {"prompt": "Task.", "target": "7"}}, judged=False)
    Path("s.yaml").write_text(text + "judges: {number: {kind: match, by: number}}\n")
    made = asyncio.run(agentlab.run("s.yaml"))
    with pytest.raises(AnalysisError, match="the run needs a judge of kind rubric"):
        probes(made)
    with pytest.raises(AnalysisError, match="no rubric judge scored this run"):
        asyncio.run(estimate(Path("runs/tried"), ["length"]))


def test_the_command_tells_the_price_and_prints_what_it_found(commands: Commands) -> None:
    scores = {"scores": {"good": {"3": 0.5, "4": 0.5}}}
    text = scenario(
        "tried",
        seed=1,
        models={"default": {"name": "sim/chatter"}, "judge": {"name": "sim/replies", "options": scores}},
        tasks={"a": {"prompt": "A."}, "b": {"prompt": "B."}},
        organization=chain(["x"], says=None),
        draws=3,
        judges={"q": {"kind": "rubric", "criteria": {"good": {"text": "Good?"}}}},
    )
    Path("s.yaml").write_text(text)
    assert commands.agentlab("run", "s.yaml").code == 0
    done = commands.agentlab("judge", "runs/tried", "--probe", "length,format,position", "--sample", "4")
    assert done.code == 0, done.said
    assert "4 outputs, 8 calls, about" in done.err
    assert re.search(r"q\s+length\s+points", done.out)
    assert commands.agentlab("judge", "runs/tried", "--probe", "lenght").code == 2
    assert "did you mean 'length'" in commands.agentlab("judge", "runs/tried", "--probe", "lenght").err
    assert commands.agentlab("judge", "runs/tried").code == 2
    assert "Means of task means" not in done.out  # which would be another look at the contrasts
    for options, said in (
        (("--with", "business", "--probe", "length"), "--with cannot be combined with --probe"),
        (("--probe", "length", "--judge-model", "sim/chatter"), "--judge-model cannot be combined with --probe"),
        (("--with", "business", "--sample", "5"), "--sample cannot be combined with --with"),
    ):
        refused = commands.agentlab("judge", "runs/tried", *options)
        assert (refused.code, said in refused.err) == (2, True), refused.said


WORDS = st.lists(
    st.text(st.characters(codec="ascii", categories=["Lu", "Ll"]), min_size=5, max_size=8),
    min_size=1,
    max_size=30,
)


@given(WORDS, st.lists(st.sampled_from([" ", ". ", "\n", "! "]), min_size=30, max_size=30))
def test_changed_outputs_keep_their_words(words: list[str], ends: list[str]) -> None:
    text = "".join(word + end for word, end in zip(words, ends, strict=False))
    before = plain(text)
    assert plain(perturbed(text, "markdown")).split() == before.split()
    assert perturbed(text, "plain") == before
    padded = perturbed(text, "padded")
    assert text.strip() in padded
    added = len(padded.split()) - len(text.split())
    assert max(25, len(words) // 2) <= added <= max(25, len(words) // 2) + 20
