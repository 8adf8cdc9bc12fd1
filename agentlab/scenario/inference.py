"""The `inference:` section of a condition: read, and held against its protocol and its judges."""

from collections.abc import Iterable, Mapping
from typing import Any

from agentlab.interfaces import Judge, Routing
from agentlab.mapping import mapping
from agentlab.models.capabilities import maker
from agentlab.models.spec import ModelSpec
from agentlab.organization.protocols import SHIPPED
from agentlab.scenario.document import Keys
from agentlab.scenario.fields import MeasureFields
from agentlab.scenario.inference_fields import (
    KINDS,
    OUTPUT_TEXT,
    InferenceFields,
    LevelFields,
    VoteFields,
    is_plain,
    judge_of,
    likelihood_of,
)
from agentlab.scenario.judges import JudgeSet
from agentlab.scenario.unknown import kind_of
from agentlab.scenario.validate import CheckedDocument
from agentlab.suggestion import suggest
from agentlab.types import WEIGHT

INFERENCE: Keys = ("inference",)


def read(site: CheckedDocument, baseline: bool) -> InferenceFields | None:
    """The section; None if there is none, if it means one attempt, or if it is wrong, which the findings then say."""
    part = mapping(site.get(()).get("inference"))
    if not part:  # what is no mapping was reported before
        return None
    if flaw := kind_of(part, KINDS):
        field, wrong, right = flaw
        right = right.removesuffix(" or my_module:Name for one of your own")
        (site.unknown if field != "kind" else site.wrong)((*INFERENCE, field), wrong, right)
        return None
    fields = site.validate(KINDS[str(part["kind"])], INFERENCE)
    if fields is None or is_plain(fields):
        return None
    if baseline:
        right = "write `inference: null` in the level of the baseline, or compare two methods without a baseline"
        site.unknown(INFERENCE, "a baseline is one attempt at a time, and has no population", right)
        return None
    level = getattr(fields, "level", None)
    if isinstance(level, LevelFields) and list(level.at) != sorted(set(level.at)):
        site.wrong((*INFERENCE, "level", "at"), "the levels do not rise", "write each level above the one before")
        return None
    return fields


def weighing(site: CheckedDocument, fields: InferenceFields, routing: Routing) -> Routing:
    """The protocol with its way to weigh what it observes. A method that uses weights needs a source of them."""
    declared: Any = routing
    if isinstance(declared, SHIPPED["cascade"]):
        _program(site, fields, declared.program)
    weigh: Any = getattr(declared, "weighing", None)
    if weigh is not None:
        return weigh(likelihood_of(fields))
    weights = any(WEIGHT in recipients for recipients in routing.edges.values())
    if fields.kind in ("weighting", "smc", "beam") and judge_of(fields) is None and not weights:
        wrong = f"nothing weighs the particles: protocol {type(routing).__name__.lower()} has no observed steps"
        site.wrong(INFERENCE, wrong, "add `factor: {judge: NAME}`, so that a judge weighs them")
    return routing


def _program(site: CheckedDocument, fields: InferenceFields, program: Any) -> None:
    """What a method makes nothing of in a program, and a vote on a variable that it does not have."""
    bound = [step.name for step in program.instructions if step.kind not in ("skip", "repeat", "factor", "reject")]
    names = dict.fromkeys([*bound, *program.inputs, OUTPUT_TEXT])
    if isinstance(fields.take, VoteFields) and fields.take.vote not in names:
        wrong = f"unknown variable {fields.take.vote!r}"
        site.wrong((*INFERENCE, "take", "vote"), wrong, suggest(fields.take.vote, names))
    part = next((name for name in ("success", "level") if getattr(fields, name, None) is not None), None)
    weighs = next((step.path for step in program.instructions if step.kind == "factor"), None)
    if part is not None and weighs is not None:
        wrong = f"with `{part}` a judge alone decides, and the step {weighs!r} of the program weighs nothing"
        site.wrong((*INFERENCE, part), wrong, "remove the factor, or use `kind: smc`")


def judge(
    site: CheckedDocument,
    fields: InferenceFields | None,
    bench: JudgeSet,
    measures: Mapping[str, MeasureFields],
    specs: Mapping[str, ModelSpec],
) -> None:
    """The judge that looks at particles is there, is no measure's, nor of its family, and can score one text.

    Whoever picks must not be who scores. `specs` are the models of judges by alias.
    """
    named = None if fields is None else judge_of(fields)
    if named is None:
        return
    part, name = named
    where: Keys = (*INFERENCE, part, "judge")
    if name not in bench.every:
        site.wrong(where, f"no judge {name!r} under judges", suggest(name, bench.every))
        return
    if name in bench.of_two:
        site.wrong(where, f"judge {name!r} compares two outputs", "name a judge that scores one, such as a rubric")
    elif part == "factor" and bench.traits[name].target and _compares(bench.judges[name]):
        wrong = f"judge {name!r} compares with the target, which a judge that steers agents must not see"
        site.wrong(where, wrong, "name a judge that does not use the target")
    for measure, scored in measures.items():
        chooser, scorer = _spec(bench, specs, name), _spec(bench, specs, scored.judge)
        if scored.judge == name:
            wrong = f"measure {measure!r} uses judge {name!r}, which also chooses particles"
            site.wrong(where, wrong, "name a judge that no measure uses")
        elif chooser and scorer and (family := maker(chooser.name)) is not None and family == maker(scorer.name):
            wrong = f"its model {chooser.name} belongs to the same family as {scorer.name}, the model of judge "
            right = f"give it a model from a family other than {family}"
            site.wrong(where, wrong + repr(scored.judge), right)


def _compares(judge: Judge) -> bool:
    """Whether it looks at the target, as a `match` judge does whose pattern has a group."""
    asks = getattr(getattr(judge, "config", None), "compares", None)
    return asks is None or asks()


def _spec(bench: JudgeSet, specs: Mapping[str, ModelSpec], judge: str) -> ModelSpec | None:
    """The model of a judge; None if it asks none."""
    built = bench.every.get(judge)
    return None if built is None else specs.get(built.model or "")


def selectors(conditions: Iterable[Any], bench: JudgeSet) -> dict[str, Judge]:
    """The judges that look at particles, by name: they are no measure."""
    named = (judge_of(condition.inference) for condition in conditions if condition.inference is not None)
    return {name: bench.judges[name] for _, name in filter(None, named) if name in bench.judges}
