"""Compute-matched arms: one agent that may spend what another arm spent on the same task and draw.

Checks everything that can be wrong with them before the first call, and ties each to the condition it is measured by.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Literal

from msgspec import Struct

from agentlab.engine.budget import Match
from agentlab.interfaces import Judge, Routing
from agentlab.judges import JudgeTraits
from agentlab.mapping import mapping
from agentlab.models.capabilities import maker
from agentlab.models.prices import cost_of
from agentlab.models.spec import ModelSpec
from agentlab.organization.agents import Organization
from agentlab.organization.protocols import SHIPPED, board_of
from agentlab.organization.protocols.solo import Refine, Tries
from agentlab.scenario.cells import excluded
from agentlab.scenario.document import Keys
from agentlab.scenario.fields import BaselineFields, ExperimentFields
from agentlab.scenario.judges import JudgeSet
from agentlab.scenario.validate import CheckedDocument
from agentlab.seeds import digest
from agentlab.suggestion import suggest
from agentlab.types import Usage

STEPS = 10_000
"""Most steps of a baseline, however little each of them uses."""


class Baseline(Struct, frozen=True):
    """How a condition is matched. `of` names the condition that it is measured by."""

    of: str
    by: Literal["refine", "best_of_n", "vote"]
    match: Match
    at: Literal["draw", "task_median"]
    select: str | None
    arm: str = ""
    """The level of the condition that it is measured by; empty in runs that do not record it."""


class Matched(Struct, frozen=True):
    """A level with a baseline."""

    factor: str
    level: str
    fields: BaselineFields

    @property
    def path(self) -> Keys:
        return ("factors", self.factor, self.level, "baseline")

    def of(self, cell: Mapping[str, str]) -> dict[str, str]:
        """The cell that it is measured by."""
        return {**cell, self.factor: self.fields.of}

    def agent(self, known: Mapping[str, Any]) -> str:
        """The agent that works: of one with copies the first."""
        name = self.fields.agent
        return name if name in known else next((copy for copy in (f"{name}.1",) if copy in known), name)

    def interaction(self, agent: str) -> Routing:
        """The steps of its agent."""
        by = self.fields.by
        return Refine(agent) if by == "refine" else Tries(agent, by)

    def settings(self) -> dict[str, Any]:
        """Its settings as they decide the identity; the names of its level and judge do not count."""
        return {"kind": "baseline", **self.fields.model_dump(include={"by", "match", "at"})}

    def baseline(self, of: str) -> Baseline:
        """As a condition carries it."""
        fields = self.fields
        return Baseline(of, fields.by, fields.match, fields.at, fields.select, fields.of)


def read(site: CheckedDocument, factors: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, str], Matched | None]:
    """The levels that have a baseline; None for one that is wrong."""
    baselines: dict[tuple[str, str], Matched | None] = {}
    for factor, levels in factors.items():
        for level in levels:
            if "baseline" not in mapping(levels[level]):
                continue
            fields = site.validate(BaselineFields, ("factors", factor, level, "baseline"))
            baselines[factor, level] = Matched(factor, level, fields) if fields is not None else None
    for matched in list(baselines.values()):
        if matched is not None and (
            _unmeasured(site, matched, factors[matched.factor], baselines) | _unselected(site, matched)
        ):
            baselines[matched.factor, matched.level] = None
    return baselines


def single(
    site: CheckedDocument, plan: ExperimentFields, cell: Mapping[str, str], baselines: Sequence[Matched]
) -> bool:
    """Whether a cell has one baseline at most, and keeps the arm that it is measured by."""
    if len(baselines) > 1:
        first, second, *_ = baselines
        wrong = f"{first.factor}={first.level} and {second.factor}={second.level} are both baselines in one cell"
        site.wrong(second.path, wrong, "exclude the cell, or let one factor alone have baselines")
    elif baselines and excluded(plan, baselines[0].of(cell)):
        site.wrong((*baselines[0].path, "of"), "the arm that sets its budget is excluded", "exclude this cell as well")
    else:
        return True
    return False


def _unmeasured(
    site: CheckedDocument,
    matched: Matched,
    levels: Mapping[str, Any],
    baselines: Mapping[tuple[str, str], Matched | None],
) -> bool:
    """Whether it is of a level that is not there, of itself, or in a circle."""
    where, of = (*matched.path, "of"), matched.fields.of
    others = [level for level in levels if level != matched.level]
    if of == matched.level:
        site.wrong(
            where, f"{of!r} is a baseline of itself", f"name another level of {matched.factor!r}; {_known(others)}"
        )
    elif of not in levels:
        site.wrong(where, f"factor {matched.factor!r} has no level {of!r}", suggest(of, others))
    else:
        seen, at = [matched.level], of
        while at not in seen and (next_ := baselines.get((matched.factor, at))) is not None:
            seen.append(at)
            at = next_.fields.of
        if at != matched.level:
            return False
        circle = " -> ".join((*seen, at))
        site.wrong(
            where,
            f"these baselines refer to each other in a circle: {circle}",
            "make one of them an arm that is not a baseline",
        )
    return True


def _known(names: Sequence[str]) -> str:
    return f"known: {', '.join(names) or 'none'}"


def _unselected(site: CheckedDocument, matched: Matched) -> bool:
    """Whether tries lack a selector, or a draft has one."""
    by, select = matched.fields.by, matched.fields.select
    if by == "best_of_n" and select is None:
        site.wrong(matched.path, "best_of_n has no selector", "add `select:` the judge that picks the best try")
    elif by == "refine" and select is not None:
        site.wrong((*matched.path, "select"), "refine with a selector", "remove it: the last draft is the output")
    return (by == "best_of_n") == (select is None) if by != "vote" else False


def _unfit(by: str, traits: JudgeTraits) -> tuple[str, str] | None:
    """Why a judge cannot select by a method, and what would be right."""
    if traits.two == "better":
        if by == "vote":
            return "compares arms and does not find equal answers", "name a judge of kind equivalence"
        return "compares arms and does not score single tries", "name a rubric"
    if by != "best_of_n":
        return None
    if traits.two == "same":
        return "says which answers are the same, not which is best", "name a rubric, or vote"
    if traits.target:
        wrong = "compares with the target, which a selector must not see"
        return wrong, "name a judge that uses a model, or `vote`"
    return None


def selectors(site: CheckedDocument, baselines: Sequence[Matched], known: JudgeSet) -> dict[str, Judge]:
    """The judges that select. Whoever picks must not be who scores (validity: reported 2.0 SD where 1.0 is true)."""
    wanted = {matched.fields.select: matched for matched in baselines if matched.fields.select is not None}
    judges = known.every
    for name, matched in wanted.items():
        where, section = (*matched.path, "select"), mapping(site.get(()).get("judges"))
        if name not in judges:
            if name not in section:
                site.wrong(where, f"no judge {name!r} under judges", suggest(name, judges))
        elif (why := _unfit(matched.fields.by, known.traits[name])) is not None:
            site.wrong(where, f"judge {name!r} {why[0]}", why[1])
    for measure, fields in mapping(site.get(()).get("measures")).items():
        judge = mapping(fields).get("judge")
        if isinstance(judge, str) and judge in wanted and judge in judges:
            wrong = f"measure {measure!r} uses judge {judge!r}, and a selector must not be used by a measure"
            site.wrong((*wanted[judge].path, "select"), wrong, "name a judge that no measure uses")
    return {name: judges[name] for name in wanted if name in judges}


def families(
    site: CheckedDocument, baselines: Sequence[Matched], judges: Mapping[str, Judge], specs: Mapping[str, ModelSpec]
) -> None:
    """A selector's model is of no family that a measure's judge is of."""
    selecting = {matched.fields.select for matched in baselines}
    for matched in baselines:
        judge = judges.get(matched.fields.select or "")
        chooser = specs.get(judge.model or "") if judge else None
        for name, other in judges.items():
            scorer = specs.get(other.model or "") if name not in selecting else None
            if chooser and scorer and (family := maker(chooser.name)) is not None and family == maker(scorer.name):
                wrong = (
                    f"its model {chooser.name} belongs to the same family as {scorer.name}, the model of judge {name!r}"
                )
                site.wrong((*matched.path, "select"), wrong, f"give it a model from a family other than {family}")


def prices(site: CheckedDocument, matched: Matched, specs: Mapping[str, ModelSpec]) -> None:
    """A match on money needs a price of every model on either side."""
    for spec in specs.values() if matched.fields.match == "cost" else ():
        cost = cost_of(spec, Usage(1, 1), date.max)
        if not cost:
            wrong = f"no price is known for {spec.name!r}" if cost is None else f"{spec.name!r} costs nothing"
            right = "add `price: {input: …, output: …}` under models, or match output_tokens"
            site.wrong((*matched.path, "match"), f"this baseline is matched on cost, but {wrong}", right)


def chained(baselines: Mapping[str, str]) -> Iterator[str]:
    """The names of `baselines` (by name, what each is measured by), every one after what it is measured by."""
    done = set[str]()
    for name in baselines:
        chain = [name]
        while baselines.get(chain[-1]) in baselines:
            chain.append(baselines[chain[-1]])
        for member in reversed(chain):
            if member not in done:
                done.add(member)
                yield member


def with_workspace(organization: Organization, measured: Organization) -> Organization:
    """The organization of a baseline: it has a workspace where the arm that it is measured by has one."""
    board, steps = board_of(measured.protocol), organization.protocol
    if board is None or not isinstance(steps, Refine | Tries):
        return organization
    by = "refine" if isinstance(steps, Refine) else steps.by
    alone = board.alone(steps.agent, anew=by != "refine")
    return replace(organization, protocol=SHIPPED["steps"](steps.agent, by, alone))


def tied(identity: str, measured: str, selector: Any) -> str:
    """The identity of a baseline: its own content, that of what it is measured by, and what its selector asks."""
    return digest("baseline", identity, measured, selector)
