"""What a report is made of: sections with sentences, pictures and tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.summary import Summary
from agentlab.report.style import ArmStyle
from agentlab.runs.frames import Run


@dataclass(frozen=True, slots=True)
class Material:
    """What a section is made of."""

    run: Run
    summary: Summary
    styles: Mapping[str, ArmStyle]
    """By condition, in the run's order."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture with the sentence that says what it shows and its n, and the numbers in it."""

    name: str
    """Of its files: figures/NAME.svg, tables/NAME.csv."""
    title: str
    says: str
    data: pd.DataFrame
    draw: Callable[[], Figure]
    draw_narrow: Callable[[], Figure] | None = None
    """The same for the width of a phone; None for a figure that scrolls sideways there."""


@dataclass(frozen=True, slots=True)
class DrawnOrganization:
    """One organization, with the arms that have it."""

    name: str
    arms: tuple[ArmStyle, ...]
    note: str
    width: float
    """Of the picture, in pixels."""
    picture: Markup


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page. A section that has nothing to show says why in `says`."""

    name: str
    title: str
    says: str
    charts: tuple[Chart, ...] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict[str, pd.DataFrame])
    """By file name; long ones are folded, and those after the first `shown`."""
    notes: tuple[str, ...] = ()
    reading: tuple[str, ...] = ()
    """What the columns mean, folded."""
    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    """Folded, by heading, such as prompts."""
    changes: Mapping[str, str] = field(default_factory=dict[str, str])
    """Likewise, but a line that begins with + or - is what one text has and the other has not."""
    organizations: tuple[DrawnOrganization, ...] = ()
    shown: int = 9

    @property
    def empty(self) -> bool:
        """Whether there is nothing but the sentence."""
        return not (self.charts or self.tables or self.texts or self.changes or self.notes or self.organizations)


def of(analysis: Analysis, name: str, title: str, charts: tuple[Chart, ...] = ()) -> Section:
    """An analysis as a section, without empty tables. The sentence of a picture replaces that of the analysis."""
    named = {name if i == 0 else f"{name}_{part}": table for i, (part, table) in enumerate(analysis.tables.items())}
    tables = {part: table for part, table in named.items() if len(table)}
    said = "" if charts else analysis.says
    reading = tuple(analysis.explained(analysis.tables.values()))
    return Section(name, title, said, charts, tables, analysis.notes, reading, shown=analysis.shown)
