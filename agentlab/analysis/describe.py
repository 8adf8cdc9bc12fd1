"""What a notebook shows of a run: its result in sentences, and the table of its conditions."""

from collections.abc import Sequence

from markupsafe import Markup, escape

from agentlab.analysis.column import Column
from agentlab.analysis.contrasts.compared import reported
from agentlab.analysis.fitted import fitted
from agentlab.analysis.headline import headline
from agentlab.analysis.results import results
from agentlab.analysis.summary_tables import conditions
from agentlab.runs.frames import Run
from agentlab.text import sanitize


def describe(run: Run) -> tuple[str, str]:
    """As text and as HTML."""
    measured = results(run, reported)
    sentences = [sanitize(sentence) for sentence in headline(measured)]
    by_condition = conditions(measured) if measured.arms else None
    shown = [] if by_condition is None else ["", fitted(by_condition.columns), f" {by_condition.legend}"]
    table = (
        ""
        if by_condition is None
        else f"{_table(by_condition.columns)}<p><small>{escape(by_condition.legend)}</small></p>"
    )
    paragraphs = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    return "\n".join([*sentences, *shown]), f"<div>{paragraphs}{table}</div>"


def _table(columns: Sequence[Column]) -> str:
    head = Markup("").join(Markup("<th>{}</th>").format(column.heading) for column in columns)
    rows = [
        Markup("").join(
            Markup('<td style="text-align: {}">{}</td>').format("right" if column.number else "left", cell)
            for column, cell in zip(columns, cells, strict=True)
        )
        for cells in zip(*(column.cells for column in columns), strict=True)
    ]
    body = Markup("").join(Markup("<tr>{}</tr>").format(row) for row in rows)
    return str(Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(head, body))
