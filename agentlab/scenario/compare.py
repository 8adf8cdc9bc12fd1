"""Declared contrasts: what `compare` names must be there, and each cell of the other factors is one contrast."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from agentlab.mapping import mapping
from agentlab.scenario import cells
from agentlab.scenario.compare_fields import ContrastFields
from agentlab.scenario.declared import Declared, Same
from agentlab.scenario.document import Keys
from agentlab.scenario.fields import ExperimentFields
from agentlab.scenario.levels import GENERATION, pooled
from agentlab.scenario.validate import CheckedDocument
from agentlab.suggestion import suggest

FIELDS = ("within", "measures", "margin")


class Compare(Struct, frozen=True):
    """What a scenario declares; with `exploratory` None every other pair of levels is exploratory."""

    primary: tuple[Declared, ...] = ()
    exploratory: tuple[Declared, ...] | None = None


def resolve(site: CheckedDocument, plan: ExperimentFields, plain: Sequence[str]) -> Compare:
    """The contrasts of the scenario; those with a mistake, which is reported, are left out.

    `plain` are the measures of judges that no measure of the plan uses.
    """
    section = plan.compare
    if section is None:
        wrong = plan.looks is not None and "compare" not in site.tree.value
        for key, name, field in _unread(site, plan):
            _unknown(site, plan, ("compare", key, name, field))
    else:
        wrong = plan.looks is not None and not section.primary
    if wrong:
        site.unknown(("looks",), "there is no primary contrast to analyze", "declare one under compare.primary")
    if section is None:
        return Compare()
    plan = _pooled(plan)
    all_of = _All(site, plan, (*plan.measures, *plain), cells.cells(plan), {})
    primary = tuple(all_of.section("primary", section.primary))
    if section.exploratory == "all":
        return Compare(primary)
    return Compare(primary, tuple(all_of.section("exploratory", section.exploratory)))


def _pooled(plan: ExperimentFields) -> ExperimentFields:
    """Without the replicates of a loop, which are trainings of one arm: contrasts take them together."""
    return plan.model_copy(update={"factors": pooled(plan.factors)})


def _unread(site: CheckedDocument, plan: ExperimentFields) -> Iterator[tuple[str, str, str]]:
    """Of a section that cannot be read, the misspelled fields: their values were taken for pairs of levels."""
    for key in ("primary", "exploratory"):
        for name, fields in mapping(mapping(site.tree.value.get("compare")).get(key)).items():
            yield from ((key, name, field) for field in mapping(fields) if field not in {*FIELDS, *plan.factors})


def _unknown(site: CheckedDocument, plan: ExperimentFields, path: Keys) -> None:
    site.unknown(path, f"no factor {path[-1]!r}", suggest(path[-1], [*plan.factors, *FIELDS]))


class _All(Struct, frozen=True):
    """What the contrasts of a scenario have in common."""

    site: CheckedDocument
    plan: ExperimentFields
    measures: tuple[str, ...]
    crossing: list[cells.Cell]
    known: dict[Same, str]
    """Under which name a comparison was declared."""

    def section(self, where: str, contrasts: Mapping[str, ContrastFields]) -> Iterator[Declared]:
        for name, fields in contrasts.items():
            path: Keys = ("compare", where, name)
            if self.wrong(path, fields):
                continue
            declared = list(_crossed(self, name, fields))
            if not declared:
                right = "compare levels that both have a condition, or change `exclude`"
                self.site.unknown(path, "one of the two conditions is excluded", right)
            for contrast in declared:
                if contrast.same in self.known:
                    before = self.known[contrast.same]
                    wrong = f"{before!r} already compares {contrast.measure} of {contrast.a} and {contrast.b}"
                    self.site.unknown(path, wrong, "declare each comparison once")
                    break
                self.known[contrast.same] = name
                yield contrast

    def wrong(self, path: Keys, fields: ContrastFields) -> bool:
        """Whether it names what is not there."""
        before = len(self.site.findings.mistakes)
        _levels(self.site, self.plan, path, fields)
        _within(self.site, self.plan, path, fields)
        mistaken = mapping(self.site.tree.value.get("measures"))  # what is wrong with them is said there
        for i, measure in enumerate(() if fields.measures == "all" else fields.measures):
            if measure not in self.measures and measure not in mistaken:
                self.site.wrong((*path, "measures", i), f"no measure {measure!r}", suggest(measure, self.measures))
        _margins(self.site, self.plan, path, fields)
        return len(self.site.findings.mistakes) > before


def _margins(site: CheckedDocument, plan: ExperimentFields, path: Keys, fields: ContrastFields) -> None:
    """Margins are of measures that are compared, and narrower than these."""
    compared = [*plan.measures] if fields.measures == "all" else [*fields.measures]
    for name in fields.margins:
        if name not in compared:
            site.unknown((*path, "margin", name), f"no measure {name!r} in this contrast", suggest(name, compared))
    for name in compared:
        margin, measure = fields.margin_of(name), plan.measures.get(name)
        if margin is not None and measure is not None and margin >= abs(measure.range[1] - measure.range[0]):
            low, high = sorted(measure.range)
            where = (*path, "margin", *([name] if fields.margins else []))
            right = "write the largest difference that is too small to matter, in units of the measure"
            site.wrong(where, f"a margin of {margin:g} for {name}, which goes from {low:g} to {high:g}", right)


def _levels(site: CheckedDocument, plan: ExperimentFields, path: Keys, fields: ContrastFields) -> None:
    """Exactly one factor, with two levels that it has."""
    for factor in fields.factors:
        if factor not in plan.factors:
            _unknown(site, plan, (*path, factor))
    named = [factor for factor in fields.factors if factor in plan.factors]
    if not fields.factors:
        factors = ", ".join(plan.factors) or "none here"
        site.unknown(path, "no factor is compared", f"write FACTOR: [ONE, OTHER]; factors are {factors}")
    for factor in named[1:]:
        right = f"keep one, and fix the other with `within: {{{factor}: LEVEL}}`"
        site.unknown((*path, factor), "two factors are compared at once", right)
    for factor in named:
        levels = fields.factors[factor]
        for i, level in enumerate(levels):
            if level not in plan.factors[factor]:
                wrong = f"factor {factor!r} has no level {level!r}"
                site.wrong((*path, factor, i), wrong, suggest(level, plan.factors[factor]))
        if levels[0] == levels[1]:
            site.wrong((*path, factor, 1), f"{levels[1]!r} is compared with itself", "name another level")


def _within(site: CheckedDocument, plan: ExperimentFields, path: Keys, fields: ContrastFields) -> None:
    for factor, level in fields.within.items():
        if factor not in plan.factors:
            site.unknown((*path, "within", factor), f"no factor {factor!r}", suggest(factor, plan.factors))
        elif factor in fields.factors:
            site.unknown(
                (*path, "within", factor), f"{factor!r} is the factor being compared", "fix other factors only"
            )
        elif level not in plan.factors[factor]:
            wrong = f"factor {factor!r} has no level {level!r}"
            site.wrong((*path, "within", factor), wrong, suggest(level, plan.factors[factor]))


def _last(plan: ExperimentFields, factor: str) -> dict[str, str]:
    """The last generation of a loop, where another factor than the generation is compared."""
    return {GENERATION: [*plan.factors[GENERATION]][-1]} if GENERATION in plan.factors and factor != GENERATION else {}


def _crossed(of: _All, name: str, fields: ContrastFields) -> Iterator[Declared]:
    """One for every cell of the other factors in which both levels have theirs, and every measure.

    Of a loop, arms are compared in the last generation, unless the contrast names another.
    """
    (factor, (a, b)) = next(iter(fields.factors.items()))
    within = {**_last(of.plan, factor), **fields.within}
    measures = (tuple(of.plan.measures) or of.measures) if fields.measures == "all" else fields.measures
    for cell in of.crossing:
        fits = cell[factor] == a and all(cell[other] == level for other, level in within.items())
        if fits and not cells.excluded(of.plan, {**cell, factor: b}):
            others = {key: level for key, level in cell.items() if key != factor}
            yield from (
                Declared(name, factor, a, b, others, measure, fields.margin_of(measure)) for measure in measures
            )
