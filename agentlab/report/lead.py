"""What a reader sees first: what was asked, what was found, what may not be concluded, and who worked with whom."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentlab.analysis.contrasts.blinding import blindness, judged_guesses
from agentlab.analysis.contrasts.contrast import Contrast
from agentlab.analysis.contrasts.tasks import task_notes
from agentlab.analysis.headline import FINDINGS, headline
from agentlab.analysis.summary import Summary
from agentlab.analysis.unread import unread_notes
from agentlab.report import forest, generations, organizations
from agentlab.report.section import Chart, DrawnOrganization, Material
from agentlab.scenario.levels import GENERATION, common
from agentlab.text import pluralize

MOST = 4
"""Sentences on what may not be concluded; the notes of the paired differences have all of them."""
NARROW, GAP = 640, 26
"""Pixels of the column in which organizations stand side by side, and between them."""
SMALLEST, LARGEST = 0.75, 0.92
"""Scales of their pictures; those that would not fit at the smallest stand below."""


@dataclass(frozen=True, slots=True)
class Lead:
    """The page's beginning."""

    name: str
    about: str
    size: str
    found: tuple[str, ...]
    limits: tuple[str, ...]
    figure: Chart | None
    organizations: tuple[DrawnOrganization, ...]
    scope: str = ""
    """What the sections are about where that is a part of the run."""

    @property
    def broad(self) -> bool:
        """Whether its organizations take the whole width of a page."""
        return self._fitting < SMALLEST

    @property
    def scale(self) -> float:
        """Of its organizations."""
        return min(LARGEST, 1.0 if self.broad else self._fitting)

    @property
    def _fitting(self) -> float:
        widths = [organization.width for organization in self.organizations]
        return (NARROW - GAP * (len(widths) - 1)) / max(1.0, sum(widths))


def lead(material: Material) -> Lead:
    """The beginning of the page of a run, finished or not."""
    run, summary = material.run, material.summary
    return Lead(
        str(run.meta.get("name") or run.folder.name),
        str(run.meta.get("about") or ""),
        _size(material),
        headline(summary),
        tuple(_limits(material))[:MOST],
        generations.headline(material) or forest.headline(summary.table, summary.measures),
        _compared(material),
        _scope(material),
    )


def _scope(material: Material) -> str:
    run = material.run
    if not run.splits:
        return ""
    shown = " and ".join(sorted({str(name) for name in run.conditions[GENERATION]}, key=int))
    return f"Sections after the generations are about held-out tasks in generation {shown}."


def _size(material: Material) -> str:
    run = material.run.whole
    sizes = (
        (run.rollouts["condition"].nunique(), "condition"),
        (run.rollouts["task"].nunique(), "task"),
        (len(run.rollouts), "rollout"),
    )
    models = ", ".join(sorted({str(name) for name in run.calls["model"].unique()}))
    return ", ".join(pluralize(*size) for size in sizes) + (f"; {models}" if models else "")


def _first(summary: Summary) -> Sequence[Contrast]:
    """The contrasts that the first figure is about."""
    known = [c for c in summary.contrasts if not c.suppressed]
    return [c for c in known if c.primary] or known[:FINDINGS]


def _compared(material: Material) -> tuple[DrawnOrganization, ...]:
    """The organizations of the arms that the first figure compares, or the first ones where it compares none."""
    named = dict.fromkeys(name for c in _first(material.summary) for name in c.conditions)
    arms = [arm for name in named for arm in material.styles if name in (arm, common(arm))]
    drawn = organizations.drawn(material)
    labelled = organizations.styles(material)
    order = {label: i for i, label in enumerate(dict.fromkeys(labelled[name].label for name in arms))}
    places = [
        min((order[arm.label] for arm in organization.arms if arm.label in order), default=len(order))
        for organization in drawn
    ]
    chosen = [
        (place, organization)
        for place, organization in zip(places, drawn, strict=True)
        if place < len(order) or not order
    ]
    return tuple(organization for _, organization in sorted(chosen, key=lambda pair: pair[0]))[: organizations.FIRST]


def _limits(material: Material) -> Iterator[str]:
    """Of the contrasts of the first figure: other causes, other tasks, what is missing, what a judge may know."""
    run, contrasts = material.run, _first(material.summary)
    if not material.summary.arms:
        return
    for (a, b), confounds in {(c.a, c.b): c.arms.confounds for c in contrasts}.items():
        others = [name for name in confounds if name != "structure"]
        if "structure" in confounds and others:
            also = ", ".join(others)
            yield (
                f"{a} versus {b}: a difference may not come from structure alone, because the "
                f"arms also differ in {also}."
            )
        elif len(others) > 1:
            yield (
                f"{a} versus {b}: a difference may have several causes, because the arms differ in {', '.join(others)}."
            )
    if any(c.outcome == "alike" for c in contrasts):
        yield "If no difference was found, the arms may still differ: the interval shows by how much."
    yield from (*unread_notes(run), *task_notes(run, contrasts), *blindness(run, judged_guesses(run, contrasts)))
