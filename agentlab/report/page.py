"""A report as one HTML page that needs nothing but itself: no script, no font, no picture from elsewhere.

Everything that is shown goes through `_show`, which escapes it; pictures come from `style.svg`, which does the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from urllib.parse import quote

import pandas as pd

from agentlab.analysis.cells import Column, columns
from agentlab.report.section import Section
from agentlab.text import pluralize, sanitize

MOST, WIDEST = 40, 400
"""Rows of a table and characters of a cell that the page shows; the table's file has all."""
SHORT = 15
"""Rows of a table that is in sight; longer ones are folded."""

_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.2em 1em 3em; max-width: 60em; background: #fff; color: #111;
  font: 16px/1.5 system-ui, "Helvetica Neue", Arial, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.7em; line-height: 1.2; margin: .3em 0; } h2 { font-size: 1.25em; margin: 0 0 .3em; }
section { margin-top: 2.2em; padding-top: 1.1em; border-top: 1px solid #bbb; }
p { margin: .5em 0; max-width: 46em; } nav ul { columns: 16em; padding-left: 1.2em; margin: .5em 0; }
a { color: #00558a; } figure { margin: 1em 0 1.4em; } figcaption { font-size: .93em; max-width: 50em; }
.wide { overflow-x: auto; } .wide svg { display: block; width: 100%; height: auto; min-width: 34em; }
table { border-collapse: collapse; font-size: .84em; font-variant-numeric: tabular-nums; margin: .6em 0; }
th, td { text-align: left; padding: .22em .7em .22em 0; border-bottom: 1px solid #ddd; vertical-align: top;
  overflow-wrap: break-word; }
th { border-bottom: 1.5px solid #333; } .n { text-align: right; white-space: nowrap; }
td:not(.n) { max-width: 42em; }
p.heading { font-weight: 600; margin: 1em 0 0; } .small { font-size: .9em; color: #333; }
.none { color: #333; font-style: italic; }
ul.notes { padding-left: 1.2em; margin: .5em 0; } ul.notes li { max-width: 50em; }
details { margin: .5em 0; } summary { cursor: pointer; color: #00558a; }
pre { font: 13px/1.45 ui-monospace, Menlo, Consolas, monospace; white-space: pre-wrap; overflow-wrap: anywhere;
  margin: .4em 0 .8em; padding: .5em .8em; border-left: 3px solid #bbb; }
ins { text-decoration: none; font-weight: 600; color: #00517f; } del { text-decoration: none; color: #a03c00; }
@media print { body { font-size: 10.5pt; max-width: none; padding: 0; color: #000; } a { color: #000; }
  figure, tr { break-inside: avoid; } h2 { break-after: avoid; } nav, .files { display: none; }
  .wide { overflow: visible; } .wide svg { min-width: 0; } table { font-size: 7.5pt; } }
"""


def page(title: str, about: str, sections: Sequence[Section], pictures: Mapping[str, str], foot: Sequence[str]) -> str:
    """The whole page; `pictures` are the SVG elements of all charts by name, `foot` the lines that it ends with."""
    contents = "".join(f'<li><a href="#{quote(s.name)}">{_show(s.title)}</a></li>' for s in sections)
    parts = "\n".join(_section(section, pictures) for section in sections)
    ends = "".join(f"<li>{_show(text)}</li>" for text in foot)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{_show(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">\n'
        f"<style>{_STYLE}</style></head>\n<body>\n<header><h1>{_show(title)}</h1>{_paragraph(about)}</header>\n"
        f'<nav aria-label="Contents"><ul>{contents}</ul></nav>\n<main>\n{parts}\n</main>\n'
        f'<footer><section id="again"><h2>To make this again</h2><ul class="notes">{ends}</ul></section></footer>\n'
        "</body></html>\n"
    )


def _section(section: Section, pictures: Mapping[str, str]) -> str:
    empty = not (section.charts or section.tables or section.texts or section.changes or section.notes)
    return (
        f'<section id="{quote(section.name)}"><h2>{_show(section.title)}</h2>\n'
        + "\n".join((_paragraph(section.says, "none" if empty else ""), *_parts(section, pictures)))
        + "</section>"
    )


def _parts(section: Section, pictures: Mapping[str, str]) -> Iterator[str]:
    for chart in section.charts:
        yield (
            f'<figure id="figure-{quote(chart.name)}"><div class="wide">{pictures[chart.name]}</div>\n'
            f"<figcaption><b>{_show(chart.title)}.</b> {_show(chart.says)} "
            f'<span class="files">{_link(f"figures/{chart.name}.svg", "picture")} · '
            f"{_link(f'tables/{chart.name}.csv', 'numbers')}</span></figcaption></figure>"
        )
    for i, (name, data) in enumerate(section.tables.items()):
        heading, shown = name.replace("_", " "), _table(name, data)
        if i >= section.shown or len(data) > SHORT:
            title = f"{heading}: {pluralize(len(data), 'row')}"
            yield f"<details><summary>{_show(title)}</summary>{shown}</details>"
        else:
            yield (_paragraph(heading, "heading") if len(section.tables) > 1 else "") + shown
    if section.notes:
        yield f'<ul class="notes">{"".join(f"<li>{_show(note)}</li>" for note in section.notes)}</ul>'
    texts = [(heading, _changes(text)) for heading, text in section.changes.items()]
    for heading, marks in (*texts, *((heading, _show(text)) for heading, text in section.texts.items())):
        yield f"<details><summary>{_show(heading)}</summary><pre>\n{marks}</pre></details>"


def _table(name: str, data: pd.DataFrame) -> str:
    shown = columns(data.head(MOST), WIDEST)
    if not shown:
        return _paragraph(f"{name}: no rows", "none")
    heads = "".join(f"<th{_class(_kind(column))}>{_show(column.heading)}</th>" for column in shown)
    marks = [_class(_kind(column)) for column in shown]
    body = "".join(
        "<tr>" + "".join(f"<td{mark}>{_show(cell)}</td>" for mark, cell in zip(marks, row, strict=True)) + "</tr>"
        for row in zip(*(column.cells for column in shown), strict=True)
    )
    more = f"{len(data) - MOST} more rows in the file: " if len(data) > MOST else ""
    return (
        f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'
        f'<p class="small files">{more}{_link(f"tables/{name}.csv", f"tables/{name}.csv")}</p>'
    )


def _kind(column: Column) -> str:
    return "n" if column.number else ""


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _link(path: str, text: str) -> str:
    return f'<a href="{quote(path)}">{_show(text)}</a>'


def _paragraph(text: str, kind: str = "") -> str:
    return f"<p{_class(kind)}>{_show(text)}</p>" if text else ""


def _changes(text: str) -> str:
    tags = {"+": "ins", "-": "del"}
    lines = (_show(part) for part in text.split("\n"))
    return "\n".join(f"<{tags[p[0]]}>{p}</{tags[p[0]]}>" if p[:1] in tags else p for p in lines)


def _show(value: str) -> str:
    return escape(sanitize(value), quote=True)
