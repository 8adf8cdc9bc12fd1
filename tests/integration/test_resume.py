"""What a run goes on over, and what it is refused for: what its agents would be asked, not how that is written."""

import logging
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from agentlab import api
from agentlab.errors import MismatchError
from agentlab.experiment import resume
from agentlab.runs.frames import load
from agentlab.runs.transcript import transcript
from agentlab.seeds import digest, plain
from tests.support.command import Commands
from tests.support.firm import Change, design
from tests.support.scenarios import chain, scenario

pytestmark = pytest.mark.usefixtures("workdir")

SCORES: Change = ("{name: sim/replies}", '{name: sim/replies, options: {scores: {"*": {"3": 1.0}}}}')
NUMBER: Change = ("judges:", "judges:\n  number: {kind: match, by: number}")
TARGET: Change = ("{client: Bank}", "{client: Bank}, target: 42")
ALIKE: list[tuple[str, list[Change]]] = [
    ("a default written out", [("draws: 2", "draws: 2\ncoupling: seeds")]),
    ("another default written out", [("{system: Lead.}", "{system: Lead., memory: all}")]),
    ("an agent that takes no part", [("    hand:", "    spare: {system: Idle.}\n    hand:")]),
    ("a level that repeats the base", [("firm: {}", "firm: {organization: {rounds: 4}}")]),
    ("a field for the analysis", [("{client: Bank}", "{client: Bank, source: law}")]),
    ("a split", [("{client: Bank}", "{client: Bank}, split: test")]),
    ("a limit", [("tokens: 200k", "tokens: 100k")]),
    ("a measure's target", [("criteria: [focus]}", "criteria: [focus], target: 1}")]),
    ("a comparison", [("draws: 2", "draws: 2\ncompare: {primary: {main: {team: [firm, solo]}}}")]),
    ("an address that nobody asks", [("  judge:", "  far: {name: openai/m, base_url: 'http://h/v1'}\n  judge:")]),
]
CAST: Change = ("  rounds: 4", "  rounds: 4\n  cast: [boss, hand]")


async def play(*changes: Change) -> int:
    """How many rollouts the run has after the scenario with these changes was run."""
    return len((await api.run(design(SCORES, CAST, *changes), "run")).rollouts)


@pytest.mark.parametrize(("what", "changes"), ALIKE, ids=[what for what, _ in ALIKE])
async def test_what_asks_the_same_goes_on(what: str, changes: list[Change]) -> None:
    assert await play() == 4
    assert await play(*changes) == 4


async def test_a_removed_seed_goes_on_with_the_one_that_was_recorded() -> None:
    assert await play(("draws: 2", "draws: 2\nseed: 7")) == 4
    assert await play() == 4
    assert load("run").meta["seed"] == 7
    assert await play(("draws: 2", "draws: 2\nseed: 7")) == 4


async def test_a_slash_at_the_end_of_an_address_is_no_change() -> None:
    for end in ("", "/"):
        sim = design(SCORES, CAST)
        tree = {
            **sim.tree,
            "models": {**sim.tree["models"], "other": {"name": "openai/m", "base_url": f"http://127.0.0.1:1/v1{end}"}},
        }
        await api.run(replace(sim, tree=tree), "run")
    assert len(load("run").rollouts) == 4


CHANGED: list[list[Change]] = [
    [("Lead.", "Lead!")],
    [("rounds: 4", "rounds: 5")],
    [("Help {{client}}.", "Help, {{client}}.")],
    [("{client: Bank}", "{client: Bond}")],
    [("Is it focused?", "Is it?")],
    [("draws: 2", "draws: 2\ncoupling: none")],
    [("draws: 2", "draws: 2\nseed: 7")],
    [("    firm: {}\n", "")],
    [(SCORES[1], SCORES[1].replace("}}}}", "}}}, temperature: 1}"))],
]


@pytest.mark.parametrize("changes", CHANGED, ids=lambda changes: changes[0][1][:20])
async def test_what_asks_something_else_is_refused(changes: list[Change]) -> None:
    await play()
    with pytest.raises(MismatchError, match="was made from another scenario"):
        await play(*changes)
    assert len(load("run").rollouts) == 4


async def test_a_corrected_target_is_judged_anew_and_no_reply_is_repeated(caplog: pytest.LogCaptureFixture) -> None:
    await play(TARGET, NUMBER)
    before = load("run")
    with caplog.at_level(logging.WARNING):
        await play((TARGET[0], TARGET[1].replace("42", "15")), NUMBER)
    after = load("run")
    assert "will be given again" in caplog.text
    assert "quality, which asked a model, stay" in caplog.text
    assert len(after.calls) == len(before.calls)
    assert len(after.scores) == len(before.scores)
    assert after.meta["tasks"][0]["target"] != before.meta["tasks"][0]["target"]


MODEL = """
from agentlab.types import Capabilities, Completion


class Mine:
    name = "mine"
    capabilities = Capabilities(frozenset())

    async def complete(self, request):
        return Completion("Hello.")
"""


def test_an_edited_module_is_refused_unless_accepted_and_that_is_told(commands: Commands) -> None:
    Path("edited.py").write_text(MODEL)
    models = {"default": {"name": "edited:Mine"}, "judge": {"name": "sim/replies"}}
    Path("s.yaml").write_text(scenario("s", models=models, organization=chain(["me"])))
    assert commands.agentlab("run", "s.yaml", "--out", "run").code == 0
    assert commands.agentlab("run", "s.yaml", "--out", "run").code == 0
    Path("edited.py").write_text(MODEL.replace("Hello", "Bye"))
    Path("s.yaml").write_text(Path("s.yaml").read_text() + "draws: 3\n")
    refused = commands.agentlab("run", "s.yaml", "--out", "run")
    assert refused.code == 3
    assert "module edited: was" in refused.err
    assert len(load("run").rollouts) == 1
    accepted = commands.agentlab("run", "s.yaml", "--out", "run", "--accept-changes")
    assert accepted.code == 0, accepted.said
    assert "module edited: was" in " ".join(accepted.out.split()), "it is told beside the results"
    assert len(load("run").rollouts) == 3


async def test_another_version_is_refused_with_both_named(monkeypatch: pytest.MonkeyPatch) -> None:
    await play()

    def version(name: str) -> str:
        return "99.0"

    monkeypatch.setattr(resume, "version", version)
    with pytest.raises(MismatchError, match=r"agentlab: was '0\.1\.0', is '99\.0'"):
        await play()


async def test_a_run_with_hashes_of_an_earlier_kind_is_shown_whole_and_goes_on_without_a_repeated_call() -> None:
    await play()
    rollouts = list(load("run").rollouts["rollout"])
    prompts = [step for key in rollouts for turn in transcript("run", key).turns for step in turn.steps]
    with closing(sqlite3.connect("run/run.db")) as connection:
        for step in prompts:
            old = digest(step.prompt, plain(step.call.settings), ())
            connection.execute(
                "UPDATE call_rows SET prompt_hash = ? WHERE prompt_hash = ?",
                (old, bytes.fromhex(step.call.prompt_hash[2:])),
            )
        connection.execute("UPDATE rollouts SET status = NULL WHERE draw = 2")  # as if it had been killed
        connection.execute("DELETE FROM message_rows WHERE rollout IN (SELECT id FROM rollouts WHERE status IS NULL)")
        connection.commit()
    shown = [step.intact for key in rollouts[:2] for turn in transcript("run", key).turns for step in turn.steps]
    assert shown
    assert all(shown)
    before = load("run").calls
    assert await play() == 4
    assert load("run").calls["started"].tolist() == before["started"].tolist()


@pytest.mark.process
def test_a_finished_run_typed_again_reads_no_frames_to_say_nothing(workdir: Path) -> None:
    (workdir / "chain.yaml").write_text(scenario("chain"))
    code = (
        "import sys; from agentlab_cli.main import app; "
        "codes = [app(['run', 'chain.yaml', '--quiet'], standalone_mode=False) for _ in range(2)]; "
        "print(codes, 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[0, 0] False\n"
