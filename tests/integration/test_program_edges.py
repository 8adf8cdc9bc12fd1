"""What programs and populations say at their edges: refusals, impossible choices, votes, rejections, closed tools."""

import sys
from pathlib import Path
from typing import Any

import pytest

import agentlab
from agentlab.analysis.compare_runs import compare_runs
from agentlab.analysis.contrasts.compared import contrasts
from agentlab.analysis.contrasts.notes import REJECTED
from agentlab.analysis.contrasts.rejected import rejected_apart
from agentlab.analysis.rare import rare
from agentlab.errors import AnalysisError
from agentlab.models.scoring import IMPOSSIBLE, scored
from tests.support.populations import Kept, estimates, fields_of

HEAD = """spec: 1
name: edges
models: {{default: {{name: "edges_model:Model"}}}}
tasks: {{t: {{prompt: Which?, target: "42"}}}}
organization:
  agents: {{ann: {{{agent}}}}}
  protocol:
    kind: cascade
    steps:
      {steps}
    return: "{{{{answer}}}}"
{more}
draws: 12
seed: 2
judges: {{right: {{kind: match, by: number}}}}
"""
MODEL = """
from agentlab.models.capabilities import SCORING
from agentlab.models.scoring import IMPOSSIBLE, scored
from agentlab.types import Completion, Usage


class Model:
    name, capabilities = "edges_model:Model", SCORING

    async def complete(self, request):
        at = request.where
        if request.settings.score is not None:
            return scored(request.settings.score, [IMPOSSIBLE] * len(request.settings.score), at.stream, Usage(1, 1))
        if at.k == 0 and "refuse" in request.chat[-1].content:
            return Completion("", usage=Usage(1, 1), stop="refusal")
        return Completion(["42", "42.0", "It is 7."][at.stream % 3], usage=Usage(1, 1))
"""


def written(folder: Path, steps: str, more: str = "", agent: str = "") -> Path:
    (folder / "edges_model.py").write_text(MODEL)
    file = folder / "s.yaml"
    file.write_text(HEAD.format(steps=steps, more=more, agent=agent))
    return file


async def test_one_refused_reply_of_several_is_a_missing_value(tmp_path: Path) -> None:
    steps = 'all: {sample: "refuse", by: ann, as: number, times: 4}\n'
    steps += '      answer: {python: mode, with: {values: "{{all}}"}}'
    run = await agentlab.run(written(tmp_path, steps), tmp_path / "run")
    assert set(run.rollouts["status"]) == {"delivered"}
    assert all(values[0] is None and None not in values[1:] for values in run.variables["all"])
    assert (run.messages["kind"] == "refused").sum() == len(run.rollouts)


@pytest.mark.parametrize("observe", ["", ", observe: a"])
async def test_a_choice_that_cannot_be_drawn_is_rejected(tmp_path: Path, observe: str) -> None:
    steps = f'answer: {{sample: "Which?", by: ann, as: {{choice: [a, b], by: likelihood}}{observe}}}'
    more = "inference: {kind: weighting, particles: 3}" if observe else ""
    run = await agentlab.run(written(tmp_path, steps, more), tmp_path / "run")
    assert set(run.rollouts["status"]) == {"rejected"}
    assert scored(["a", "b"], [IMPOSSIBLE, IMPOSSIBLE], 5).text == ""


async def test_a_vote_counts_answers_and_not_spellings(tmp_path: Path) -> None:
    more = "inference: {kind: forward, particles: 9, take: {vote: answer}}"
    steps = 'answer: {sample: "Which?", by: ann}'
    run = await agentlab.run(written(tmp_path, steps, more), tmp_path / "run")
    right = run.particles.assign(right=run.particles["output"].isin(["42", "42.0"])).groupby("draw")["right"].sum()
    assert (run.rollouts.set_index("draw")["output"] != "It is 7.").equals(right > 4)
    exact = run.particles.assign(same=run.particles["output"] == "42").groupby("draw")["same"].sum()
    assert (exact < 5).any()
    with pytest.raises(AnalysisError, match="no particle was rejected or weighed"):
        rare(run)


async def test_what_a_rejected_rollout_is_worth_makes_draws_pairs_again(tmp_path: Path) -> None:
    steps = 'answer: {sample: "Which?", by: ann, as: number}\n      gone: {reject: {answer: 7}}'
    more = "factors: {arm: {strict: {}, lax: {organization: {protocol: {steps: {gone: null}}}}}}\n"
    more += "measures: {correct: {judge: right, target: 1VALUE}}"
    apart = await agentlab.run(written(tmp_path, steps, more.replace("VALUE", "")), tmp_path / "apart")
    assert rejected_apart(apart.rollouts)
    assert contrasts(apart)[0].rejected_apart
    assert REJECTED in compare_runs(apart, apart, "arm=strict", "arm=lax").notes
    valued = await agentlab.run(written(tmp_path, steps, more.replace("VALUE", ", rejected: 0")), tmp_path / "valued")
    contrast = contrasts(valued)[0]
    assert not contrast.rejected_apart
    assert contrast.scored == (12, 12)
    assert valued.measures["correct"].notna().all()
    assert REJECTED not in compare_runs(valued, valued, "arm=strict", "arm=lax").notes


class Noting(Kept):
    """Says that an earlier command kept other particles than the heaviest."""

    def noted(self, rollout: str) -> dict[str, Any]:
        return {"steps": [{"ancestors": [5, 4]}]}


def test_beam_search_goes_on_with_what_an_earlier_command_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = fields_of("beam", beams=2, expand=3)
    plain = estimates(fields, [1])[0].rollout.about["steps"]
    monkeypatch.setattr("tests.support.populations.Kept", Noting)
    again = estimates(fields, [1])[0].rollout.about["steps"]
    assert plain[0]["ancestors"] != again[0]["ancestors"] == [5, 4]


TOOL = '''
from contextlib import asynccontextmanager
from agentlab.tools import tool
from agentlab.types import Completion

open_now = most = 0


@tool
async def look(scene, text: str) -> str:
    """Looks."""
    return text


class Counted:
    tools = look.tools

    @asynccontextmanager
    async def open(self, task):
        global open_now, most
        open_now += 1
        most = max(most, open_now)
        yield None
        open_now -= 1


counted = Counted()
'''


async def test_tools_of_an_attempt_close_when_it_ends(tmp_path: Path) -> None:
    (tmp_path / "edges_tool.py").write_text(TOOL)
    steps = 'answer: {sample: "Which?", by: ann, as: number}\n      gone: {reject: {answer: {not: 7}}}'
    more = "inference: {kind: rejection, accept: 3, most: 50}"
    file = written(tmp_path, steps, more, 'tools: ["edges_tool:counted"]')
    run = await agentlab.run(file, tmp_path / "run", draws=1)
    edges_tool = sys.modules["edges_tool"]
    assert run.rollouts["attempts"].iloc[0] > 3
    assert (edges_tool.most, edges_tool.open_now) == (1, 0)
