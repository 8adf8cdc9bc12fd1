"""A report as one HTML page that needs nothing but itself: no font, no picture and no script from elsewhere."""

import base64
import hashlib
from collections.abc import Mapping, Sequence

import pandas as pd
from markupsafe import Markup

from agentlab.analysis.cells import columns
from agentlab.analysis.column import Column
from agentlab.markup import render
from agentlab.report.lead import Lead
from agentlab.report.organizations import KEY
from agentlab.report.section import Section

MOST, WIDEST = 500, 400
"""Rows of a table and characters of a cell that the page shows; the table's file has all."""
SHORT = 12
"""Rows of a table that is in sight; longer ones are folded."""
NOTED = 6
"""Notes of a section that are in sight."""


def page(lead: Lead, sections: Sequence[Section], pictures: Mapping[str, str], foot: Sequence[str]) -> str:
    """The whole page; `pictures` are the SVG elements of all charts by name, `foot` the lines that it ends with."""
    script = f"\n{render('report/tables.js')}"
    return render(
        "report/page.html",
        title=f"{lead.name}: report of a run",
        lead=lead,
        sections=sections,
        pictures={name: Markup(svg) for name, svg in pictures.items()},
        foot=foot,
        columns=_columns,
        most=MOST,
        short=SHORT,
        noted=NOTED,
        key=KEY,
        script=Markup(script),
        policy=_policy(script),
    )


def _policy(script: str) -> str:
    """What a browser may do with the page: run this script and no other, and fetch nothing."""
    known = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; script-src 'sha256-{known}'; style-src 'unsafe-inline'; img-src data:"


def _columns(data: pd.DataFrame) -> Sequence[Column]:
    return columns(data.head(MOST), WIDEST)
