"""Whether a measure names a judge, criteria and outcomes that are there."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches

from agentlab.interfaces import Judge
from agentlab.judges import JudgeTraits
from agentlab.mapping import mapping
from agentlab.scenario.document import Keys
from agentlab.scenario.fields import OUTCOMES, PROGRAM_OUTCOMES, MeasureFields
from agentlab.scenario.validate import CheckedDocument
from agentlab.suggestion import suggest


def criteria(
    site: CheckedDocument,
    name: str,
    measure: MeasureFields,
    single: Mapping[str, Judge],
    of_two: Collection[str],
    traits: Mapping[str, JudgeTraits],
) -> None:
    """A measure names a judge that is there and scores single outputs, and criteria that it scores."""
    path: Keys = ("measures", name)
    known = {judge: tuple(scorer.criteria) for judge, scorer in single.items()}
    if measure.judge not in known:
        judges = mapping(site.tree.value.get("judges"))
        if measure.judge in of_two:
            kind = mapping(judges.get(measure.judge)).get("kind")
            wrong = (
                f"judge {measure.judge!r} is of kind {kind}: it looks at two outputs and does not score single outputs"
            )
            site.wrong((*path, "judge"), wrong, f"name a judge that scores; {suggest('', known)}")
        elif measure.judge not in judges and not get_close_matches(measure.judge, judges.keys() - known.keys()):
            right = (
                suggest(measure.judge, known) if known else "write it there; a shipped one is judges: [final_number]"
            )
            site.wrong((*path, "judge"), f"no judge {measure.judge!r} under judges", right)
        return
    _outcomes(site, path, measure, single[measure.judge], traits[measure.judge])
    for i, criterion in enumerate(() if measure.criteria == "all" else measure.criteria):
        if criterion not in known[measure.judge]:
            wrong = f"judge {measure.judge!r} has no criterion {criterion!r}"
            site.wrong((*path, "criteria", i), wrong, suggest(criterion, known[measure.judge]))
        elif criterion in measure.criteria[:i]:
            site.wrong((*path, "criteria", i), f"the criterion {criterion!r} appears twice", "name each of them once")


def _outcomes(site: CheckedDocument, path: Keys, measure: MeasureFields, judge: Judge, traits: JudgeTraits) -> None:
    """A measure gives values only to outcomes that its judge can have."""
    if judge.model is not None:
        for outcome in OUTCOMES:
            if getattr(measure, outcome) is not None:
                wrong = (
                    f"judge {measure.judge!r} uses a model, so `{outcome}` describes a reply of "
                    f"the judge's model, not of the agents"
                )
                site.wrong((*path, outcome), wrong, "remove it; such a score is then missing")
    if not traits.cases:
        for outcome in PROGRAM_OUTCOMES:
            if getattr(measure, outcome) is not None:
                wrong = f"judge {measure.judge!r} runs no program, so `{outcome}` never happens"
                site.wrong((*path, outcome), wrong, "remove it, or name a judge of kind program")
    elif len(judge.criteria if measure.criteria == "all" else measure.criteria) > 1:
        wrong = f"judge {measure.judge!r} measures utility and harm, which have no common mean"
        site.wrong((*path, "criteria"), wrong, "write `criteria: [utility]` or `criteria: [harm]`")
