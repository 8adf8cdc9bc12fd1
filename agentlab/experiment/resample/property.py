"""The judge that tells whether a message has a property, held against the measures of the run."""

from collections.abc import Mapping, Sequence

from agentlab.errors import ScenarioError
from agentlab.experiment.inference.judging import mean_score
from agentlab.experiment.inference.play import Property
from agentlab.experiment.inference.redraw import HALF
from agentlab.experiment.judging.rollouts import NoModel
from agentlab.experiment.resample.parents import ParentRun
from agentlab.experiment.resample.points import ForkPoint
from agentlab.judges.once import judge_once
from agentlab.models.capabilities import maker
from agentlab.models.spec import ModelSpec
from agentlab.scenario.added_judges import added_judges
from agentlab.scenario.design import Design
from agentlab.types import JudgeInput


def property_named(name: str, archive: ParentRun) -> Property:
    """A judge of the run, a shipped one, or one in the working folder.

    Raises `ScenarioError` for one that a measure uses, or whose model is of the family of a measure's judge: whoever
    picks must not be who scores.
    """
    design, said = archive.design, f"--until {name}"
    if name in design.judges:
        judge, scales, counted, specs = design.judges[name], design.scales[name], design.counted[name], design.models
    else:
        bench, specs, _ = added_judges([name], archive.meta["tree"].get("models", {}), None)
        if name not in bench.judges:
            raise ScenarioError(f"{said}: this judge compares two outputs; name one that scores a text, such as match")
        judge, scales, counted = bench.judges[name], bench.scales[name], bench.counted[name]
    spec = None if judge.model is None else specs[judge.model]
    if wrong := _partial(name, spec, design):
        raise ScenarioError(f"{said}: {wrong}; whoever picks messages must not score what comes of them")
    return Property(judge, {criterion: scales[criterion] for criterion in counted}, spec)


async def check_turns(points: Sequence[ForkPoint], properties: Mapping[str, Property]) -> None:
    """Raises `ScenarioError` for a turn that is already as wished, where a judge without a model can tell."""
    for point in points:
        redraw = None if point.change is None else point.change.redraw
        if redraw is None or properties[redraw.judge].judge.model is not None:
            continue
        wanted, parent = properties[redraw.judge], point.parent
        task = parent.rollout_spec.task
        said = [m for m in parent.messages if m.round == point.cut.round and m.sender in point.cut.agents]
        shown = JudgeInput(task, "\n\n".join(m.content for m in said), tuple(said), {})
        verdicts = await judge_once(wanted.judge, shown, parent.rollout_spec.key, NoModel(0, 0))
        score = mean_score(wanted.scales, verdicts)
        if score is not None and (score >= HALF) == redraw.has:
            has = "already has" if redraw.has else "does not have"
            raise ScenarioError(
                f"--until: the turn of {point.cut.agents[0]} in round {point.cut.round} {has} {redraw.judge!r}, so "
                f"there is nothing to change; name another turn, or {redraw.judge}={'no' if redraw.has else 'yes'}"
            )


def _partial(name: str, spec: ModelSpec | None, design: Design) -> str:
    """Why a judge cannot pick what the measures of the run score; empty if it can."""
    measures = {measure: fields.judge for measure, fields in design.measures.items()} or {j: j for j in design.judges}
    family = None if spec is None else maker(spec.name)
    for measure, other in measures.items():
        if other == name:
            return f"the measure {measure!r} uses this judge"
        model = design.judges[other].model if other in design.judges else None
        if family is not None and model is not None and family == maker(design.models[model].name):
            return f"its model belongs to the family of judge {other!r}, which the measure {measure!r} uses"
    return ""
