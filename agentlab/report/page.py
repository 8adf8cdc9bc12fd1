"""A report as one HTML page that needs nothing but itself: no script, no font, no picture from elsewhere."""

from collections.abc import Mapping, Sequence

import pandas as pd
from markupsafe import Markup

from agentlab.analysis.cells import columns
from agentlab.analysis.column import Column
from agentlab.markup import render
from agentlab.report.section import Section

MOST, WIDEST = 40, 400
"""Rows of a table and characters of a cell that the page shows; the table's file has all."""
SHORT = 15
"""Rows of a table that is in sight; longer ones are folded."""


def page(title: str, about: str, sections: Sequence[Section], pictures: Mapping[str, str], foot: Sequence[str]) -> str:
    """The whole page; `pictures` are the SVG elements of all charts by name, `foot` the lines that it ends with."""
    return render(
        "report/page.html",
        title=title,
        about=about,
        sections=sections,
        pictures={name: Markup(svg) for name, svg in pictures.items()},
        foot=foot,
        columns=_columns,
        most=MOST,
        short=SHORT,
    )


def _columns(data: pd.DataFrame) -> Sequence[Column]:
    return columns(data.head(MOST), WIDEST)
