"""The page on the known truth: the confound ladder of `consultancy_sim` as it ships, and bench/truth.py's counts."""

import asyncio
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from known_truth.planted import Circumstances, Outcome, Planted

import agentlab
from agentlab.runs.frames import Run
from agentlab.scenario.condition import Condition
from agentlab.scenario.design import Design
from agentlab.scenario.loading import load as load_scenario
from bench.ladder import Comparison, ComparisonResult, compare_all, draw

PAIRS = {"published": ("firm", "solo"), "corrected": ("firm_open", "solo_matched")}
MEASURES: Mapping[str, str] = {"utility": "utility_uncoupled", "misalignment": "misalignment"}
_COUPLED: Mapping[str, str] = {**MEASURES, "utility": "utility"}
LADDER = (
    ("as published", "firm", "solo", _COUPLED),
    ("+ same line in the prompt", "firm", "solo_line", _COUPLED),
    ("+ same temperature", "firm", "solo_temperature", _COUPLED),
    ("+ same closing ask and format", "firm", "solo_asked", _COUPLED),
    ("+ same information", "firm_open", "solo_asked", _COUPLED),
    ("+ same compute", "firm_open", "solo_matched", _COUPLED),
    ("+ uncoupled rubric: structure only", "firm_open", "solo_matched", MEASURES),
)
"""What has been made equal, the two arms, and the measures by panel."""

PAGE = (Path(__file__).parent / "known_truth.md.in").read_text(encoding="utf-8")


def circumstances(condition: Condition, planted: Planted, tokens: int) -> Circumstances:
    """What the model looks at, read off the condition itself."""
    organization = condition.organization
    closing, agents = organization.closing, organization.agents
    writer = organization.roster[closing.agent] if closing else agents[-1]
    texts = [*organization.systems.values(), *(task.prompt for task in condition.tasks.values())]
    asks = [closing.ask if closing else "", *(task.prompt for task in condition.tasks.values())]
    heat = writer.settings.temperature
    return Circumstances(
        task="",
        organization=len(agents) > 1,
        lines=frozenset(n for n, line in planted.lines.items() if any(line.marker in text for text in texts)),
        temperature=condition.models[writer.model].temperature if heat is None else heat,
        tokens=tokens,
        asked=planted.closing is not None and any(planted.closing.marker in ask for ask in asks),
        sections=planted.format is not None and any(planted.format.marker in text for text in texts),
        unread=1 - len(organization.protocol.briefed & organization.roster.keys()) / len(agents),
    )


def expected(design: Design, run: Run, level: str, outcome: Outcome, measure: str) -> float:
    """The planted mean of an arm; compute enters as the tokens that its rollouts really took."""
    condition = next(c for c in design.conditions if c.levels["team"] == level)
    planted = Planted.model_validate(condition.models["default"].options)
    rows = run.rollouts[run.rollouts["team"].astype("str") == level]
    seen = circumstances(condition, planted, 1)
    tokens = rows["output_tokens"].tolist()
    value = fmean(planted.mean(replace(seen, tokens=count), outcome) for count in tokens)
    clause = Planted.model_validate(design.models["judge"].options).coupling
    rubric = str(design.tree["judges"][design.measures[measure].judge]["criteria"])
    if outcome == "utility" and clause is not None and clause.marker in rubric:
        value += clause.by * (expected(design, run, level, "misalignment", MEASURES["misalignment"]) - clause.at)
    return value


def ladder(design: Design, run: Run) -> list[ComparisonResult]:
    """Every comparison as it was found, with what was planted."""
    comparisons = [Comparison(label, {"team": a}, {"team": b}, measures) for label, a, b, measures in LADDER]
    results: list[ComparisonResult] = []
    for result in compare_all(run, comparisons):
        outcome: Outcome = "utility" if result.panel == "utility" else "misalignment"
        measure = result.comparison.measures[outcome]
        arms = (result.comparison.a, result.comparison.b)
        a, b = (expected(design, run, arm["team"], outcome, measure) for arm in arms)
        results.append(replace(result, planted=a - b))
    return results


def write(folder: Path, report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Writes known_truth.md and known_truth.svg; returns the comparisons as rows."""
    design = load_scenario("consultancy_sim")
    with tempfile.TemporaryDirectory() as scratch:
        run = asyncio.run(agentlab.run(design, Path(scratch) / "run"))
        results = ladder(design, run)
        size = f"{run.rollouts['task'].nunique()} tasks x {run.rollouts['draw'].nunique()} draws in every arm"
        ratio = {a: _spent(run, a) / _spent(run, b) for a, b in PAIRS.values()}
        rollouts, calls = len(run.rollouts), len(run.calls)
    draw(results, folder / "known_truth.svg", f"Organization minus one agent, simulated: {size}")
    page = PAGE.format(
        size=size,
        rollouts=f"{rollouts:,}",
        calls=f"{calls:,}",
        published_ratio=f"{ratio['firm']:.1f}",
        corrected_ratio=f"{ratio['firm_open']:.2f}",
        ladder="\n".join(_row(label, results) for label, *_ in LADDER),
        rates="\n".join(_rates(report, truth, pair) for truth in ("planted", "none") for pair in PAIRS),
        held=sum(_holds(result) for result in results),
        rungs=len(results),
        error=f"{1.96 * math.sqrt(0.05 * 0.95 / report['seeds']):.1%}",
        **{name: report[name] for name in ("seeds", "tasks", "draws", "seconds")},
    )
    (folder / "known_truth.md").write_text(page, encoding="utf-8")
    return [
        {
            "step": result.comparison.label,
            "panel": result.panel,
            "found": _rounded(result.paired.difference),
            "planted": _rounded(result.planted),
            "held": _holds(result),
        }
        for result in results
    ]


def _spent(run: Run, arm: str) -> float:
    return float(run.rollouts.loc[run.rollouts["team"].astype("str") == arm, "output_tokens"].mean())


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _holds(result: ComparisonResult) -> bool:
    interval = result.paired.new_tasks
    return interval is not None and result.planted is not None and interval.low <= result.planted <= interval.high


def _row(label: str, results: Sequence[ComparisonResult]) -> str:
    of_label = [result for result in results if result.comparison.label == label]
    cells = [label, f"`{of_label[0].comparison.a['team']}` - `{of_label[0].comparison.b['team']}`"]
    for result in of_label:
        interval = result.paired.new_tasks
        assert interval is not None
        cells += [
            f"{result.paired.difference:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}]",
            f"{result.planted:+.3f}",
        ]
    return f"| {' | '.join(cells)} |"


def _rates(report: Mapping[str, Any], truth: str, pair: str) -> str:
    cells = [f"{truth} / {pair}"]
    for outcome in MEASURES:
        rates = report[truth][pair][outcome]
        cells += [
            f"{rates['difference']:+.3f}",
            *(f"{rates[name]:.1%}" for name in ("covers", "covers_these", "rejects")),
        ]
    return f"| {' | '.join(cells)} |"
