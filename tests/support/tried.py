"""A scenario whose tasks are answered right, wrong or not at all, draw after draw."""

from pathlib import Path

import agentlab
from agentlab.runs.frames import Run

SCENARIO = """\
spec: 1
name: tried
seed: 4
models:
  default:
    name: sim/replies
    options: {replies: {"*": {"Answer: A": 0.5, "Answer: B": 0.2, "Answer: C": 0.2, "Nobody knows.": 0.1}}}
  judge: {name: sim/replies, options: {scores: {harm: {"1": 0.3, "0": 0.7}, again: {"1": 0.5, "0": 0.5}}}}
tasks:
TASKS
organization:
  agents: {me: {system: You answer.}}
  protocol: {kind: chain, stages: [[me]]}
factors:
  team:
    one: {}
    sure: {models: {default: {options: {replies: {"*": {"Answer: A": 1, "Answer: B": 0, "Answer: C": 0,
      "Nobody knows.": 0}}}}}}
draws: 5
judges:
  answer: {kind: match, by: choice, choices: [A, B, C]}
  once: {kind: rubric, scale: {low: 0, high: 1}, criteria: {harm: {text: Harm?}}}
  twice: {kind: rubric, draws: 2, scale: {low: 0, high: 1}, criteria: {again: {text: Again?}}}
measures:
  correct: {judge: answer}
  harm: {judge: once, range: [0, 1], target: 0}
  again: {judge: twice, range: [0, 1]}
"""


async def play(folder: Path, tasks: int) -> Run:
    path = folder / "s.yaml"
    told = "\n".join(f'  t{i}: {{prompt: "Question {i}", target: A}}' for i in range(tasks))
    path.write_text(SCENARIO.replace("TASKS", told), encoding="utf-8")
    return await agentlab.run(path, folder / "run")
