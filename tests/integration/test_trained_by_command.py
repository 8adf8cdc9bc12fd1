"""`agentlab train` with a program of one's own: it is served what the program leaves, and a failed one is recorded."""

import json
import shlex
import sys
from pathlib import Path

from agentlab import load
from agentlab.training.trainers import command
from tests.support.command import Commands

SCENARIO = """\
spec: 1
name: letters
about: Does a program of one's own teach the answer?
models:
  default: {{name: sim/replies, options: {{replies: {{"*": {{A: 0.5, B: 0.5}}}}}}}}
tasks:
  a: {{prompt: Which letter?, target: A, split: train}}
  b: {{prompt: Which letter is it?, target: A, split: test}}
organization:
  agents: {{solver: {{}}}}
  protocol: {{kind: chain, stages: [[solver]]}}
  rounds: 1
judges:
  right: {{kind: match, by: exact}}
seed: 1
improve:
  generations: 1
  splits: {{train: {{role: learn, draws: 8}}, test: {{role: hold_out, draws: 8}}}}
  keep: {{measure: right, at_least: 1, dedupe: none}}
  by: {{kind: command, run: {run}}}
"""
PROGRAM = """\
import json, sys
from pathlib import Path
rows, out, base, seed = sys.argv[1:]
job = json.loads((Path(out) / "job.json").read_text())
assert (job["base"], job["seed"], base) == ("sim/replies", int(seed), "sim/replies")
replies = {json.loads(line)["messages"][-1]["content"] for line in open(rows)}
table = {"*": {reply: 1 / len(replies) for reply in replies}}
print(json.dumps({"step": 1, "steps": 1, "loss": 0.25}), file=open(Path(out) / "metrics.jsonl", "w"))
done = {"serve": {"options": {"replies": table}}, "loss": 0.25}
(Path(out) / "done.json").write_text(json.dumps(done))
"""


def write(folder: Path, program: str) -> None:
    (folder / "mine.py").write_text(program)
    run = json.dumps(f"{shlex.quote(sys.executable)} -S {folder / 'mine.py'} {{rows}} {{out}} {{base}} {{seed}}")
    (folder / "letters.yaml").write_text(SCENARIO.format(run=run))


def test_a_program_trains_and_its_failure_is_one_line_that_is_tried_again(commands: Commands, workdir: Path) -> None:
    write(workdir, "raise SystemExit('out of paper')")
    failed = commands.agentlab("train", "letters.yaml")
    assert failed.code == 1
    assert "the training ended with exit code 1: out of paper. The log is " in " ".join(failed.said.split())
    assert len(load("runs/letters").rollouts) == 16
    write(workdir, PROGRAM)
    ended = commands.agentlab("train", "letters.yaml")
    assert ended.code == 0, ended.said
    scores = load("runs/letters").measures.groupby(["generation", "task"])["right"].mean()
    assert scores["1", "b"] == 1 > scores["0", "b"]


def test_the_docstring_says_what_the_command_may_name() -> None:
    described = command.CommandFields.model_fields["run"].description or ""
    assert all(f"{{{name}}}" in described for name in command.PLACEHOLDERS)
