"""The estimate of `agentlab plan`, as rich prints it; without pandas, so that a plan answers at once."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from agentlab.errors import AnalysisError, ScenarioError
from agentlab.experiment.cost import RunPlan
from agentlab.experiment.decisions import write
from agentlab.experiment.pilot_cost import PilotPlan
from agentlab.experiment.power import ALPHA, BETWEEN, TRAINING, WITHIN, ContrastNoise, PowerForecast, assumed
from agentlab.experiment.specs import Selection
from agentlab.experiment.stand_in import USES, WORDS
from agentlab.models.cost import Cost
from agentlab.organization.protocols.cascade import Cascade
from agentlab.organization.protocols.python_program import PythonProgram
from agentlab.scenario.design import Design
from agentlab.scenario.remarks import few_anchors
from agentlab.stats.contrasts.power import FEWEST_TASKS
from agentlab.text import pluralize
from agentlab_cli import planned_loop
from agentlab_cli.layout import number, say, show_costs, show_rows

HEADS = ("these tasks", "new tasks", "at best")


def planned(console: Console, design: Design, plan: RunPlan, pilot: PilotPlan | None = None) -> None:
    """The estimate of `agentlab plan`, whose figures may be those of a pilot."""
    judges = [(f"judge {name}", cost) for name, cost in plan.judges.items() if cost.calls]
    anchors = [(f"judge {name}, anchors", cost) for name, cost in plan.anchors.items() if cost.calls]
    sizes = ((len(plan.agents), "condition"), (plan.tasks, "task"), (plan.draws, "draw"))
    size = " x ".join(pluralize(*pair) for pair in sizes)
    if design.loop is not None:
        size = planned_loop.sizes(design, design.loop)
    console.print(f"{pluralize(plan.rollouts, 'rollout')}: {size}")
    for line in () if design.loop is None else planned_loop.lines(design, design.loop):
        say(console, line, then="    ")
    if design.options:
        say(console, f"With {', '.join(design.options)}")
    agents = [(planned_loop.name(name), cost) for name, cost in plan.agents.items()]
    costs = (*agents, *judges, *anchors, ("total", plan.total))
    show_costs(console, f"{design.name}: an estimate", costs)
    console.print()
    if pilot is not None and pilot.measured:
        every, some = len(plan.agents), len(pilot.measured)
        measured = pluralize(every, "condition") if some == every else f"{some} of {every} conditions"
        rollouts = pluralize(pilot.rollouts, "finished rollout")
        figures = f"Calls and tokens of {measured} are the averages of {rollouts} in the pilot"
        say(console, f"{figures}; costs are at today's prices.")
    if pilot is None or len(pilot.measured) < len(plan.agents):
        _simulated(
            console, design, "Each condition" if pilot is None or not pilot.measured else "Every other condition"
        )
    for line in few_anchors(design):
        say(console, f"{line}.", "Note: ")
    most = design.limits.run.cost
    if most is not None and plan.total.priced > most:
        said = f"limits.run.cost is {most:g} USD, so by this estimate the run stops before all rollouts are played."
        say(console, said, "Note: ")


def _simulated(console: Console, design: Design, which: str) -> None:
    """Says how the figures were made that no pilot measured."""
    say(
        console,
        f"{which} was played once, on the task of median length, by a simulated model that writes {WORDS} words "
        "per turn, or what max_tokens allows, and mails up to two contacts.",
    )
    if any(agent.tools for condition in design.conditions for agent in condition.organization.agents):
        say(console, f"An agent with tools calls its model {USES + 1} times per turn; {USES} of the calls use a tool.")
    if any(isinstance(condition.organization.protocol, Cascade) for condition in design.conditions):
        say(console, "A program (`kind: cascade`) counts with all its branches and with every iteration of its loops.")
    if any(isinstance(condition.organization.protocol, PythonProgram) for condition in design.conditions):
        say(console, "A program in Python counts as it runs with made-up replies, which may be fewer or more calls.")


def as_object(design: Design, plan: RunPlan, forecasts: Sequence[PowerForecast]) -> dict[str, Any]:
    """The estimate as `--json` prints it."""
    parts = {"agents": plan.agents, "judges": plan.judges, "anchors": plan.anchors}
    return {
        "scenario": design.name,
        "file": design.file,
        "options": design.options,
        "rollouts": plan.rollouts,
        "tasks": plan.tasks,
        "draws": plan.draws,
        "generations": plan.generations,
        **{part: {name: _cost(cost) for name, cost in costs.items()} for part, costs in parts.items()},
        "total": _cost(plan.total),
        "forecasts": forecasts,
    }


def _cost(cost: Cost) -> dict[str, Any]:
    usage = cost.usage
    return {"calls": cost.calls, "input_tokens": usage.input, "output_tokens": usage.output, "cost": cost.cost}


def preregistered(console: Console, design: Design, chosen: Selection, file: Path) -> None:
    """Writes the preregistration and says so. Raises ScenarioError for a part of the scenario."""
    if chosen != Selection():
        raise ScenarioError("--preregister writes the whole scenario: leave out --tasks, --only and --draws")
    console.print(
        f"Wrote {file}, digest {write(design, file)}. Next: agentlab run SCENARIO --preregistered {file}",
        soft_wrap=True,
        markup=False,
    )


def noises(
    design: Design, pilot: str | None, sds: tuple[float | None, float | None, float | None]
) -> tuple[list[ContrastNoise], list[str]]:
    """The noise assumed of a design, by the SDs within, between and of trainings where they are given, or that of a
    pilot; and remarks. Raises ScenarioError for wrong options."""
    for name, value in zip(("--within", "--between", "--training"), sds, strict=True):
        if value is not None and value < 0:
            raise ScenarioError(f"{name} {value:g}: write a share of the measure's range, at least 0")
        if value is not None and pilot is not None:
            raise ScenarioError(f"{name} and --pilot: SDs are either assumed or measured; give only one of the two")
    usual = (WITHIN, BETWEEN, TRAINING)
    basis = assumed(design, *(default if sd is None else sd for sd, default in zip(sds, usual, strict=True)))
    if pilot is None:
        return basis, _clustered(design)

    from agentlab.analysis.contrasts.pilot import piloted  # pandas, which a plan without a pilot does not wait for
    from agentlab.runs.frames import load
    from agentlab.store import find

    try:
        basis, remarks = piloted(load(find(pilot)), design)
    except AnalysisError:
        remarks = [
            f"{pilot} measures no SD, so they are assumed: a contrast needs 2 tasks, one of them with 2 pairs "
            f"(a pilot with two draws)."
        ]
    return basis, [*remarks, *_clustered(design)]


def _clustered(design: Design) -> list[str]:
    """What the forecast leaves out where tasks share a source."""
    if not FEWEST_TASKS <= design.independent < len(design.tasks):
        return []
    by = f" by {design.cluster}" if design.cluster else ""
    sources = f"{pluralize(design.independent, 'cluster')}{by}"
    return [
        f"Tasks are in {sources}, but the forecast assumes independent tasks: the smallest "
        f"detectable difference for new tasks is larger than shown."
    ]


def foreseen(
    console: Console,
    design: Design,
    forecasts: Sequence[PowerForecast],
    effect: float | None,
    remarks: Sequence[str],
) -> None:
    """Prints what the design can detect, as a table with a row for each noise, and the assumptions."""
    if not forecasts:
        return
    loops = any(forecast.loops is not None for forecast in forecasts)
    more = ("power, these", "power, new", "tasks, 80%", "at best, 80%", *(["power, loops"] if loops else []))
    heads = (*(["trainings"] if loops else []), *HEADS, *(["loops"] if loops else []))
    rows: list[tuple[str, ...]] = []
    for forecast in forecasts:
        basis, least = forecast.basis, forecast.smallest
        of = " ".join(filter(None, (basis.measure, basis.of)))
        cells = [of, basis.source, f"{basis.noise.within:.3f}", f"{basis.noise.between:.3f}"]
        cells += [f"{basis.training:.3f}"] if loops else []
        cells += [number(x) for x in (least.these_tasks, least.new_tasks, least.limit)]
        cells += [number(forecast.loops)] if loops else []
        rows.append((*cells, *(_chances(forecast, loops) if effect is not None else ())))
    words = ("measure", "SDs")
    title = "Smallest differences detectable with 80% power, in the measure's own units"
    console.print()
    more = more if effect is not None else ()
    show_rows(console, title, (*words, "draws", "between", *heads, *more), rows, words)
    for line in planned_loop.about_power(design, loops):
        say(console, line)
    for line in (*_rests(design, forecasts, effect), *remarks):
        say(console, line)


def _chances(forecast: PowerForecast, loops: bool) -> list[str]:
    """Of the stated effect."""
    needed = ["none", "none"] if forecast.needed is None else [f"{n:,}" for n in forecast.needed]
    chances = [number(chance, ".0%") for chance in (forecast.these_tasks, forecast.new_tasks)]
    return [*chances, *needed, *([number(forecast.loops_power, ".0%")] if loops else [])]


def _rests(design: Design, forecasts: Sequence[PowerForecast], effect: float | None) -> Iterator[str]:
    if effect is not None:
        yield (
            f"power: the chance of detecting a difference of {effect:g}; tasks, 80%: how many tasks like these give it "
            f"80%, with the planned draws; at best, 80%: how many do with any number of draws."
        )
    strict = {forecast.alpha for forecast in forecasts} - {ALPHA}
    if strict:
        count = len(design.compare.primary)
        several = f"{count} primary contrasts are tested" if count > 1 else ""
        looks = "" if design.looks is None else "the results are looked at before the end"
        why = " and ".join(filter(None, (several, looks)))
        first = ". This is for the smallest p; larger ones are tested less strictly (Holm)" if several else ""
        yield f"A difference counts as found at p ≤ {min(strict):.2g} instead of {ALPHA:g}, because {why}{first}."
    correlated = [forecast.basis.noise.correlation for forecast in forecasts]
    if any(correlated):
        yield f"Correlation of the arms over draws: {min(correlated):+.2f} to {max(correlated):+.2f}."
    if forecasts[0].basis.source == "assumed":
        trainings = "" if forecasts[0].loops is None else ", --training from training to training"
        yield (
            "SDs are assumed, as shares of a measure's range: --within over draws, --between for the "
            f"difference from task to task{trainings}. To use measured SDs, give --pilot RUN."
        )
    else:
        yield "at most: the SDs at their 80% upper limits, which are high after a small pilot."
    if any(forecast.smallest.new_tasks is None for forecast in forecasts):
        yield f"Nothing can be said about new tasks: at least {FEWEST_TASKS} tasks, or clusters of tasks, are needed."
    yield "at best: the smallest difference with any number of draws; only more tasks lower it."
