"""A team at a ticket board against one agent, played by the command on simulated agents."""

import asyncio
import shutil
from contextlib import chdir
from pathlib import Path

import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

from agentlab.analysis.analyse import analyse
from agentlab.analysis.summary import summarize
from agentlab.errors import SandboxError
from agentlab.report import board
from agentlab.report.diagrams.contact_graph import of_run
from agentlab.report.section import Material
from agentlab.report.style import arm_styles, svg
from agentlab.runs.frames import Run, load
from agentlab.runs.transcript import transcript
from agentlab.tools.sandbox.detect import sandbox
from agentlab.types import BOARD, OUTPUT, TASK

SCENARIO = """\
spec: 1
name: pages
seed: 3
models: {default: {name: sim/chatter}, judge: {name: sim/chatter}}
tasks:
  site:
    prompt: Write a page on bees and one on wasps.
    fields: {files: {data/facts.csv: "bees,5"}, constraints: {scale: smaller, never: xyzzy}}
organization:
  agents:
    lead: {system: You lead a team.}
    coder: {system: "You are {{agent}}.", copies: 3}
    reviewer: {system: You review., copies: 2, memory: unread}
  protocol:
    kind: board
    lead: lead
    workers: [coder]
    review: {by: [reviewer]}
    fixed: [data]
    shared: [plan.md]
    plan: {by: all}
    plant: {legs: {text: "<b>A bee has eight legs.</b>"}}
  rounds: 60
factors:
  team:
    three: {}
    claim:
      organization:
        cast: [lead, coder]
        protocol: {kind: board, lead: lead, stays: false, workers: [coder], assign: claim, review: {by: [coder]}}
    solo: {organization: {agents: {coder: {copies: 1}}, cast: [coder], protocol: {kind: board, workers: [coder]}}}
    matched: {baseline: {of: three, by: refine, match: output_tokens, agent: coder}}
draws: 4
judges:
  pages: {kind: rubric, show: files, criteria: {clear: {text: Is it clear?}}}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the scenario and its run, which each test gets a copy of."""
    folder = tmp_path_factory.mktemp("board")
    with chdir(folder):
        Path("s.yaml").write_text(SCENARIO)
        told = CliRunner().invoke(app, ["run", "s.yaml", "--out", "run"])
        assert told.exit_code == 0, told.output
    return folder


@pytest.fixture
def played(workdir: Path, finished: Path) -> Run:
    shutil.copytree(finished, workdir, dirs_exist_ok=True)
    return load("run")


def test_a_board_is_played_to_its_end_and_its_tickets_are_a_frame(played: Run) -> None:
    assert played.rollouts["status"].eq("delivered").all()
    tickets = played.tickets
    assert set(tickets["state"]) <= {"done", "failed"}
    assert set(tickets.loc[tickets["team"] == "three", "owner"]) <= {"coder.1", "coder.2", "coder.3"}
    assert set(tickets.loc[tickets["team"] == "solo", "owner"]) == {"coder.1"}
    assert {name for names in tickets["carries"] for name in names} == {"scale"}
    assert tickets.loc[tickets["team"] == "three", "reviewed_by"].dropna().str.startswith("reviewer.").all()
    assert (tickets["closed"] >= tickets["opened"]).all()
    assert played.messages["kind"].isin(["file"]).any()
    team = tickets[tickets["team"] == "three"]
    assert team["carries_scale"].tolist() == ["scale" in names for names in team["carries"]]
    assert str(tickets["carries_never"].dtype) == "boolean"
    assert team["planted"].tolist() == [("legs",) if ticket == "T1" else () for ticket in team["ticket"]]
    assert [len(names) > 0 for names in team["caught"]] == ((team["ticket"] == "T1") & (team["changes"] > 0)).tolist()
    assert (team["reviews"] >= team["changes"]).all()
    assert played.messages.loc[played.messages["kind"] == "plan", "round"].eq(1).all()


def test_shares_of_tickets_have_an_interval_over_rollouts(played: Run) -> None:
    tables = analyse(played, "tickets", {}).tables
    shares, flaws = tables["shares"], tables["flaws"]
    assert flaws.loc[flaws["condition"] == "team=three"].to_numpy().tolist() == [["team=three", "legs", 4, 0]]
    shares = shares[shares["condition"] == "team=three"].drop(columns="condition").set_index("what").T.to_dict()
    tickets = played.tickets[played.tickets["team"] == "three"]
    caught = shares["caught legs"]
    assert caught["share"] == pytest.approx(tickets.loc[tickets["ticket"] == "T1", "caught"].map(len).mean())
    assert caught["these_tasks_low"] <= caught["share"] <= caught["these_tasks_high"]
    assert (caught["of"], caught["rollouts"]) == (4, 4)
    carried = tickets["carries_scale"].astype(float).groupby(tickets["rollout"].astype("str")).mean().mean()
    assert shares["carries scale"]["share"] == pytest.approx(carried)
    told = CliRunner().invoke(app, ["stats", "run", "tickets"])
    assert told.exit_code == 0, told.output
    assert "caught legs" in told.output


def test_tickets_and_diffs_are_shown_in_the_terminal_and_in_the_report(played: Run) -> None:
    told = CliRunner().invoke(app, ["show", "run", "--rollout", "task=site,team=three,draw=1", "--files"])
    assert told.exit_code == 0, told.output
    assert "tickets by round" in told.output
    assert "│ +<b>A bee has eight legs.</b>" in told.output
    assert CliRunner().invoke(app, ["show", "run", "--files"]).exit_code != 0
    made = board.section(Material(played, summarize(played), arm_styles(played)))
    assert "+<b>A bee has eight legs.</b>" in "".join(made.changes.values())
    drawn = made.charts[0].data
    assert "</svg>" in svg("board", "Boards", made.charts[0].draw)
    assert set(drawn["arm"]) == {"team=three", "team=claim", "team=solo"}
    ended = drawn.groupby(["arm", "ticket"])["state"].last()
    assert set(ended) <= {"done", "failed"}


def test_the_drawing_of_a_team_has_its_board_with_what_passed_it(played: Run) -> None:
    arms = of_run(played)
    for name in ("team=three", "team=claim", "team=solo"):
        delivered = sum(link.load or 0 for link in arms[name].links if link.recipient == OUTPUT)
        rollouts = played.rollouts[(played.rollouts["condition"] == name).to_numpy()]
        assert delivered == (rollouts["status"] == "delivered").mean()
    team = {(link.sender, link.recipient): link.load for link in arms["team=three"].links}
    tickets = played.tickets[(played.tickets["condition"] == "team=three").to_numpy()]
    assert (team["lead", BOARD] or 0) >= len(tickets) / tickets["rollout"].nunique()
    assert all(BOARD in pair or pair[0] == TASK or pair[1] == OUTPUT for pair in team)


def test_every_prompt_is_rebuilt_from_the_run_alone(played: Run) -> None:
    for key in played.rollouts["rollout"].astype("str"):
        record = transcript(played.folder, key).record
        assert all(step.intact for turn in record.turns for step in turn.steps)
    first = transcript(played.folder, {"team": "three", "draw": 1}).record.turns
    told = first[1].steps[0].prompt[-1].content
    assert "<board from=" in told
    assert "bees,5" in told


def test_a_judge_reads_the_files_also_when_it_is_added_later(played: Run) -> None:
    Path("later.yaml").write_text("kind: rubric\nshow: files\ncriteria: {clear: {text: Is it clear?}}\n")
    told = CliRunner().invoke(app, ["judge", "run", "--with", "later.yaml"])
    assert told.exit_code == 0, told.output
    scores = load("run").scores
    assert scores.groupby("judge")["outcome"].value_counts().to_dict() == {
        ("later", "scored"): 16,
        ("pages", "scored"): 16,
    }


def test_the_files_of_a_round_are_written_into_a_new_folder(played: Run) -> None:
    where = ["run", "--rollout", "task=site,team=three,draw=1"]
    told = CliRunner().invoke(app, ["export", "workspace", *where, "--out", "end"])
    assert told.exit_code == 0, told.output
    assert (Path("end") / "data/facts.csv").read_text() == "bees,5"
    assert len(list(Path("end").glob("*.md"))) >= 1
    CliRunner().invoke(app, ["export", "workspace", *where, "--out", "start", "--round", "0"])
    assert [path.name for path in Path("start").rglob("*.*")] == ["facts.csv"]
    again = CliRunner().invoke(app, ["export", "workspace", *where, "--out", "end"])
    assert again.exit_code != 0


def test_a_matched_agent_leaves_files_of_which_every_step_sees_what_the_one_before_made(played: Run) -> None:
    told = CliRunner().invoke(
        app, ["export", "workspace", "run", "--rollout", "task=site,team=matched,draw=1", "--out", "alone"]
    )
    assert told.exit_code == 0, told.output
    assert sorted(path.name for path in Path("alone").rglob("*.*")) == ["facts.csv", "work.md"]
    record = transcript(played.folder, {"team": "matched", "draw": 1}).record
    assert {turn.agent for turn in record.turns} == {"coder.1"}
    written = next(message.content for message in record.rollout.messages if message.ref == "work.md")
    assert written in record.turns[1].steps[0].prompt[-1].content
    assert not (played.tickets["team"] == "matched").any()


def test_the_same_command_makes_no_call_again_and_a_fork_goes_on_from_a_board(played: Run) -> None:
    calls = len(played.calls)
    assert CliRunner().invoke(app, ["run", "s.yaml", "--out", "run"]).exit_code == 0
    assert len(load("run").calls) == calls
    told = CliRunner().invoke(
        app, ["resample", "run", "--rollout", "task=site,team=three,draw=1", "--at", "2", "-n", "2", "--yes"]
    )
    assert told.exit_code == 0, told.output
    assert load("run").forks["status"].eq("delivered").all()


CODER = '''
from agentlab.types import Capabilities, Completion, ToolCall, Usage


class Coder:
    """Writes a program, runs it, and reports what it printed."""

    name, capabilities = "coder:Coder", Capabilities(frozenset(), seed=True, tools=True)

    async def complete(self, request):
        k = request.where.k
        steps = [("write", {"path": "main.py", "text": "open('out.txt', 'w').write(open('data/x.csv').read() * 2)"}),
                 ("run", {"command": "python3 main.py && cat out.txt && rm main.py"})]
        if k < len(steps):
            import json
            name, arguments = steps[k]
            return Completion("", (ToolCall(str(k), name, json.dumps(arguments)),), Usage(1, 1), "tool")
        return Completion(f"<done>{request.chat[-1].content}</done>", usage=Usage(1, 1))
'''


@pytest.mark.process
def test_an_agent_runs_what_it_wrote_and_the_workspace_has_what_came_of_it(workdir: Path) -> None:
    try:
        asyncio.run(sandbox())
    except SandboxError as error:
        pytest.skip(str(error))
    Path("coder.py").write_text(CODER)
    Path("s.yaml").write_text("""\
spec: 1
name: coding
models: {default: {name: "coder:Coder"}}
tasks: {double: {prompt: Double it., fields: {files: {data/x.csv: "5"}}}}
organization:
  agents: {coder: {tools: [read, write, run]}}
  protocol: {kind: board, workers: [coder], fixed: [data]}
""")
    told = CliRunner().invoke(app, ["run", "s.yaml", "--out", "run"])
    assert told.exit_code == 0, told.output
    run = load("run")
    assert run.tickets["owner_report"].tolist() == ["55\nExit code 0.\nChanged: main.py, out.txt"]
    assert (
        CliRunner().invoke(app, ["export", "workspace", "run", "--rollout", "task=double", "--out", "files"]).exit_code
        == 0
    )
    assert {str(path): path.read_text() for path in Path("files").rglob("*.*")} == {
        "files/data/x.csv": "5",
        "files/out.txt": "55",
    }
