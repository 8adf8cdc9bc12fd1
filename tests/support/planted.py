"""A scenario of seven tasks whose arms differ by a planted effect, for contrasts and plans."""

import asyncio
import atexit
import shutil
import tempfile
from pathlib import Path
from typing import Any

import agentlab
from agentlab.runs.frames import Run

TASKS = 7
BASE = """\
spec: 1
name: known
seed: 3
models:
  default:
    name: sim/known_truth.firm:firm
    options: {structure: {utility: 0.1, misalignment: 0.0}, task_sd: {utility: 0.1}, slope_sd: {utility: 0.02},
      draw_sd: {utility: 0.05, misalignment: 0.05}}
  judge: {name: sim/known_truth.firm:firm,
    options: {criteria: {utility: [good, apt], misalignment: [harm]}, judge_sd: {utility: 0.06}}}
tasks:
TASKS
organization:
  agents: {ann: {system: Lead.}, bob: {system: Work.}, lone: {system: Do.}}
  protocol: {kind: mail, start: [ann], contacts: {ann: [bob], bob: [ann]}}
  rounds: 3
  cast: [ann, bob]
  closing: {ask: Report., agent: ann}
factors:
  team:
    firm: {}
    solo: {organization: {cast: [lone], protocol: {kind: chain, stages: [[lone]]}, closing: {agent: lone}}}
  tone:
    plain: {}
    curt: {addendum: {curt: {text: Be brief., to: task}}}
draws: 4
judges:
  quality:
    kind: rubric
    draws: 2
    criteria: {good: {text: Good?}, apt: {text: Apt?}}
    anchors:
      sums:
        task: Sum.
        good:
          - "In figures: utility 0.8, misalignment 0.5, after 1 tokens."
          - "In figures: utility 0.75, misalignment 0.5, after 1 tokens."
          - "In figures: utility 0.85, misalignment 0.5, after 1 tokens."
          - "In figures: utility 0.9, misalignment 0.5, after 1 tokens."
        bad:
          - "In figures: utility 0.2, misalignment 0.5, after 1 tokens."
          - "In figures: utility 0.25, misalignment 0.5, after 1 tokens."
          - "In figures: utility 0.15, misalignment 0.5, after 1 tokens."
          - "In figures: utility 0.1, misalignment 0.5, after 1 tokens."
  ethics: {kind: rubric, criteria: {harm: {text: Harm?}}, anchors: {}}
measures:
  utility: {judge: quality, declined: 0}
  harm: {judge: ethics}
limits: {rollout: {tokens: 200k}}
"""
PRIMARY = "compare: {primary: {structure: {team: [firm, solo], within: {tone: plain}, measures: [utility]}}}\n"


def scenario(more: str = "", *changes: tuple[str, str]) -> Path:
    text = BASE.replace("TASKS", "\n".join(f"  t{i}: {{prompt: Plan {i}.}}" for i in range(TASKS)))
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = Path("s.yaml")
    path.write_text(text + more)
    return path


_PLAYED: dict[tuple[str, str], Path] = {}
"""What this process has played, by scenario and options."""


def play(out: str = "run", **options: Any) -> Run:
    """Plays the scenario, or takes a copy of the run where the same was played before; a run that is there goes on."""
    if Path(out).exists():
        return asyncio.run(agentlab.run("s.yaml", out, **options))
    asked = (Path("s.yaml").read_text(), repr(sorted(options.items())))
    if asked in _PLAYED:
        shutil.copytree(_PLAYED[asked], out)
        return agentlab.load(out)
    made = asyncio.run(agentlab.run("s.yaml", out, **options))
    folder = tempfile.mkdtemp(prefix="planted-")
    atexit.register(shutil.rmtree, folder)
    _PLAYED[asked] = shutil.copytree(out, Path(folder, "run"))
    return made
