"""Populations through the commands: stored, resumed, limited, judged, shown, and refused where they are wrong."""

import asyncio
import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

import agentlab
from agentlab.analysis.rare import rare
from agentlab.analysis.summary import summarize
from agentlab.errors import ScenarioError
from agentlab.experiment.progress import Progress
from agentlab.experiment.session import run
from agentlab.experiment.specs import Selection
from agentlab.runs.frames import Run, load
from agentlab.scenario.loading import load as design
from tests.support.chain_of_states import SCENARIO
from tests.support.command import Commands
from tests.support.rig import rows
from tests.support.scenarios import chain, match, scenario

pytestmark = pytest.mark.usefixtures("workdir")
MAIL = """
spec: 1
name: steered
seed: 3
models:
  default:
    name: sim/replies
    options:
      replies:
        boss: {'<mail to="hand" subject="s">Work.</mail>': 0.9, '<mail to="hand" subject="s">Cheat.</mail>': 0.1}
        hand: {'<mail to="boss" subject="r">I work.</mail>': 1.0}
tasks: {t: {prompt: Do the work.}}
organization:
  agents: {boss: {}, hand: {}}
  protocol: {kind: mail, start: [boss], contacts: {boss: [hand], hand: [boss]}}
  rounds: 4
  closing: {ask: Report., agent: boss}
factors: {how: {plain: {}, steered: {inference: {kind: smc, particles: 12, factor: {judge: cheats, scale: 4}}}}}
draws: 6
judges: {cheats: {kind: match, by: regex, pattern: Cheat}, mails: {kind: match, by: regex, pattern: mail}}
measures: {mails: {judge: mails}}
"""
REJECTION = {"kind": "rejection", "accept": 2, "most": 20, "success": {"judge": "right", "at_least": 1}}
HITS = """
spec: 1
name: rare
seed: 9
models: {default: {name: sim/replies, options: {replies: {"*": {hit: 0.1, miss: 0.9}}}}}
tasks: {t: {prompt: Try.}}
organization:
  agents: {one: {memory: unread}}
  protocol: {kind: chain, stages: [[one], [one], [one], [one]]}
inference: {kind: splitting, particles: 20, level: {judge: hits, at: [0.25, 0.5, 0.75, 1]}}
draws: 10
judges: {hits: {kind: "tests.support.populations:Hits"}}
"""


def played(text: str, folder: str, progress: Progress | None = None, **given: Any) -> Run:
    Path("s.yaml").write_text(text, encoding="utf-8")
    asyncio.run(run(design("s.yaml"), Path(folder), Selection(), progress or Progress(), **given))
    return load(folder)


def ends(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=["seconds", "started"], errors="ignore").astype("str")


def test_a_rollout_has_the_log_of_one_particle_and_the_use_of_all() -> None:
    whole = played(SCENARIO, "run")
    assert (whole.rollouts["particles"] == 16).all()
    assert whole.rollouts["ess"].between(1, 16).all()
    assert whole.rollouts["calls"].sum() == len(whole.calls) > 4 * 16 * 5 - 1
    assert whole.particles.groupby("draw", observed=True)["weight"].sum().to_list() == pytest.approx([1] * 4)
    chosen = whole.particles[whole.particles["chosen"]].sort_values("draw")
    assert chosen["output"].to_list() == whole.rollouts.sort_values("draw")["output"].to_list()
    assert len(whole.forks) == 0
    assert (whole.edges.loc[whole.edges["sender"] == "walker", "sent"] == 5).all()
    said = whole.rollout(task="t", draw=1)
    assert len(said.turns) == 5
    shown = CliRunner().invoke(app, ["show", "run", "--rollout", str(chosen["particle"].iloc[0])[:12]])
    assert shown.exit_code == 0, shown.output
    refused = CliRunner().invoke(app, ["resample", "run", "--rollout", "task=t,draw=1", "--at", "1", "--yes"])
    assert isinstance(refused.exception, ScenarioError)
    assert "population" in str(refused.exception)


class Stops(Progress):
    """Stops the command after so many calls."""

    left: int = 0

    def add(self, row: str, call: Any) -> None:
        super().add(row, call)
        self.left -= 1
        self.stopping = self.stopping or self.left <= 0


def test_a_population_that_was_stopped_goes_on_without_a_call_made_twice() -> None:
    text = SCENARIO.replace("draws: 4", "draws: 2")
    whole = played(text, "whole")
    for after in (7, 50, 60):
        progress = Stops()
        progress.left = after
        played(text, "cut", progress)
    parts = played(text, "cut")
    assert len(parts.calls) == len(whole.calls)
    pd.testing.assert_frame_equal(ends(parts.rollouts), ends(whole.rollouts))
    by = ["draw", "particle"]
    left, right = (frame.sort_values(by, ignore_index=True) for frame in (parts.particles, whole.particles))
    pd.testing.assert_frame_equal(ends(left), ends(right))


def test_a_limit_holds_for_all_particles_together_and_a_raised_one_goes_on() -> None:
    text = SCENARIO.replace("draws: 4", "draws: 1")
    tight = played(text + "limits: {rollout: {tokens: 60}}\n", "run")
    assert set(tight.rollouts["status"]) == {"limit"}
    assert (tight.rollouts["input_tokens"] < 160).all()
    calls = len(tight.calls)
    assert len(played(text + "limits: {rollout: {tokens: 60}}\n", "run").calls) == calls
    wide = played(text + "limits: {rollout: {tokens: 60k}}\n", "run")
    assert set(wide.rollouts["status"]) == {"delivered"}
    assert wide.rollouts["output"].to_list() == played(text, "free").rollouts["output"].to_list()


def test_a_judge_steers_an_organization_that_knows_nothing_of_it() -> None:
    steered = played(MAIL, "run")
    text = steered.messages[steered.messages["sender"] == "boss"]
    cheats = text["content"].str.contains("Cheat").groupby(text["how"], observed=True).mean()
    assert cheats["steered"] > cheats["plain"] + 0.15
    assert steered.calls.loc[steered.calls["particle"].notna(), "how"].unique().tolist() == ["steered"]


def test_splitting_finds_a_probability_of_one_in_ten_thousand() -> None:
    found = played(HITS, "run")
    told = json.loads(CliRunner().invoke(app, ["stats", "run", "rare", "--json"]).output)
    table = told["tables"]["events"]
    assert 0.3e-4 < table[0]["probability"] < 3e-4
    assert table[0]["probability_low"] < 1e-4 < table[0]["probability_high"]
    assert set(found.rollouts["output"].dropna()) == {"hit"}


@pytest.mark.parametrize(
    ("section", "wrong", "right"),
    [
        ("{kind: smd, particles: 4}", "unknown kind 'smd'", "did you mean 'smc'?"),
        ("{kind: smc, particles: 1}", "found 1", "at least 2"),
        ("{kind: smc, particles: 4, take: [first, best]}", "found a list", "one population gives one output"),
        ("{kind: smc, particles: 4, factor: {judge: nobody}}", "no judge 'nobody'", "last"),
        ("{kind: smc, particles: 4, factor: {judge: last}}", "compares with the target", "does not use the target"),
        ("{kind: rejection, success: {judge: last}}", "measure 'last' uses judge 'last'", "no measure uses"),
        (
            "{kind: splitting, particles: 4, level: {judge: last, at: [0.5, 0.2]}}",
            "do not rise",
            "above the one before",
        ),
        ("{kind: forward, beams: 3}", "kind forward has no beams", "kind: beam"),
    ],
)
def test_a_wrong_section_is_told_with_its_place(section: str, wrong: str, right: str) -> None:
    Path("s.yaml").write_text(SCENARIO.replace("{kind: smc, particles: 16}", section), encoding="utf-8")
    with pytest.raises(ScenarioError) as told:
        design("s.yaml")
    assert "s.yaml:11:" in str(told.value)
    assert wrong in str(told.value)
    assert right in str(told.value)


RARE = """
spec: 1
name: rare
seed: 1
models: {default: {name: sim/replies, options: {replies: {"*": {hit: 0.05, miss: 0.95}}}}}
tasks: {t: {prompt: Try.}}
organization:
  agents: {ann: {}}
  protocol:
    kind: cascade
    steps: {shot: {sample: "{{task}}", by: ann, as: {choice: [hit, miss]}, observe: hit}}
    return: "{{shot}}"
factors:
  method:
    forward: {inference: {kind: forward, particles: 20}}
    weighting: {inference: {kind: weighting, particles: 20, likelihood: score}}
draws: 4
"""


def test_a_warning_of_few_particles_names_a_method_that_keeps_more() -> None:
    (warning,) = [told for told in summarize(played(RARE, "run")).warnings if "effective sample size" in told]
    assert "method=forward: the effective sample size of 3 of 4 populations is below 10% of the particles" in warning
    assert warning.endswith("raise `particles`, or weigh observations (`weighting`, `smc`).")


def test_looks_without_a_score_are_told() -> None:
    short = MAIL.replace("pattern: Cheat}", "pattern: Cheat, max_chars: 1}").replace("draws: 6", "draws: 1")
    told = played(short.replace("particles: 12", "particles: 2"), "run")
    assert told.rollouts["unscored"].dropna().item() > 0
    assert any("the judge of `inference` gave no score" in warning for warning in summarize(told).warnings)


def test_weights_need_a_source() -> None:
    Path("s.yaml").write_text(MAIL.replace(", factor: {judge: cheats, scale: 4}", ""), encoding="utf-8")
    with pytest.raises(ScenarioError, match="nothing weighs the particles: protocol mail has no observed steps"):
        design("s.yaml")


PROGRAM = """
spec: 1
name: voted
seed: 2
models: {default: {name: sim/replies, options: {replies: {"*": {hit: 0.5, dead: 0.2, none: 0.3}}}}}
tasks: {t: {prompt: Try.}}
organization:
  agents: {one: {}}
  protocol:
    kind: cascade
    steps:
      said: {set: dead}
      n:
        loop:
          said: {sample: "{{n}}", by: one, as: {choice: [hit, dead]}, unparsed: missing}
          lost: {reject: {said: dead}}
        most: 3
    return: "{{said}}"
inference: {kind: forward, particles: 8, take: {vote: said}}
draws: 4
judges: {hits: {kind: "tests.support.populations:Hits"}}
"""
SPLIT = "{kind: splitting, particles: 20, level: {judge: hits, at: [0.25, 0.5]}}"


def test_a_vote_counts_the_last_value_of_a_variable_in_a_loop_and_no_missing_one() -> None:
    found = played(PROGRAM, "run")
    ended = found.particles[found.particles["status"] != "rejected"]
    assert ended["output"].isna().any()
    assert (ended.groupby("draw")["output"].count() > 0).all()
    assert found.rollouts["output"].tolist() == ["hit"] * 4


def test_what_was_rejected_after_the_last_level_has_no_weight() -> None:
    found = played(PROGRAM.replace("{kind: forward, particles: 8, take: {vote: said}}", SPLIT), "run")
    weights = found.particles.groupby("status", observed=True)["weight"].sum()
    assert weights["rejected"] == 0
    assert set(found.rollouts["status"]) <= {"delivered", "incomplete"}


def test_what_a_program_does_not_have_or_does_not_use_is_told() -> None:
    wrong = PROGRAM.replace("vote: said", "vote: sad")
    factor = PROGRAM.replace("{kind: forward, particles: 8, take: {vote: said}}", SPLIT)
    for text, told in (
        (wrong, "unknown variable 'sad'; did you mean 'said'?"),
        (
            factor.replace("lost: {", "f: {factor: -1}\n          lost: {"),
            "the step 'n.f' of the program weighs nothing",
        ),
    ):
        Path("s.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(ScenarioError) as error:
            design("s.yaml")
        assert told in str(error.value)


def test_populations_that_a_limit_stopped_estimate_no_probability() -> None:
    text = PROGRAM.replace("{kind: forward, particles: 8, take: {vote: said}}", "{kind: rejection, accept: 2, most: 9}")
    found = played(text + "limits: {rollout: {tokens: 16}}\n", "run")
    stopped = int((found.rollouts["status"] == "limit").sum())
    assert 0 < stopped < 4
    told = json.loads(CliRunner().invoke(app, ["stats", "run", "rare", "--json"]).output)
    assert told["tables"]["events"][0]["draws"] == 4 - stopped
    assert any("a limit stopped" in note for note in told["notes"])


def stored(folder: str) -> int:
    """Calls that are committed."""
    try:
        return rows(folder, "SELECT count(*) FROM calls")[0][0]
    except sqlite3.Error:  # not made yet
        return 0


@pytest.mark.slow
def test_kills_inside_a_population_repeat_only_what_was_in_flight(commands: Commands) -> None:
    text = SCENARIO.replace('{name: "sim/', '{options: {seconds: 0.02}, name: "sim/')
    Path("s.yaml").write_text(text, encoding="utf-8")
    assert commands.agentlab("run", "s.yaml", "--out", "whole").code == 0
    for _ in range(4):
        before, running = stored("cut"), commands.start("run", "s.yaml", "--out", "cut", "--concurrency", "4")
        while stored("cut") < before + 40:  # of 320
            time.sleep(0.01)
        running.kill()
    assert commands.agentlab("run", "s.yaml", "--out", "cut").code == 0
    whole, cut = load("whole"), load("cut")
    pd.testing.assert_frame_equal(ends(cut.rollouts), ends(whole.rollouts))


def test_populations_made_by_a_target_that_changed_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    text = scenario(
        "waited",
        seed=1,
        models={"default": {"name": "sim/replies", "options": {"replies": {"*": {"A": 0.5, "B": 0.5}}}}},
        tasks={name: {"prompt": f"Try {name}.", "target": "A"} for name in ("t", "u")},
        organization=chain(["one"]),
        factors={"how": {"plain": {}, "waited": {"inference": REJECTION}}},
        draws=2,
        judges={"right": match("exact"), "named": match("regex", pattern="[AB]")},
    )
    Path("waited.yaml").write_text(text, encoding="utf-8")
    before = asyncio.run(agentlab.run("waited.yaml", "run"))
    assert not any("target or fields changed" in note for note in rare(before).notes)
    assert all(f"waited, {task} " in rare(before).headline for task in ("t", "u"))
    changed = text.replace("target: A", "target: B", 1)
    assert changed != text
    warned = "how=waited, t: the target or fields changed, but judge right used the old ones in 2 populations"
    for _ in range(2):  # the same command again keeps what is known of them
        Path("waited.yaml").write_text(changed, encoding="utf-8")
        after = asyncio.run(agentlab.run("waited.yaml", "run"))
        assert [note for note in summarize(after).warnings if note.startswith(warned)]
        assert [note for note in rare(after).notes if note.startswith(warned)]
        assert len(after.calls) == len(before.calls)
    assert f"{warned}; populations are not made again" in caplog.text
