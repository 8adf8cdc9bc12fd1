"""`agentlab import`: texts made elsewhere become a run like any other; people label the texts of a run."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from agentlab_cli import codes
from agentlab_cli.printed import AsJson, Quiet, print_result

app = typer.Typer(no_args_is_help=True, epilog=codes.codes(codes.READS))

File = Annotated[Path, typer.Argument(help="The file to import. It is read row by row.")]
Task = Annotated[str, typer.Option(metavar="COLUMN", help="Column with the task that a text answers.")]
Output = Annotated[
    str, typer.Option(metavar="COLUMN", help="Column with the text. An empty text means that nothing was delivered.")
]
Condition = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Column with the condition. It becomes the factor `arm`.")
]
Factor = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=COLUMN", help="Name of a factor and its column. May be repeated."),
]
Draw = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Column with the draw, which pairs the arms. Default: rows are numbered, and nothing is paired.",
    ),
]
Prompt = Annotated[str | None, typer.Option(metavar="COLUMN", help="Column with the text of the task.")]
Target = Annotated[str | None, typer.Option(metavar="COLUMN", help="Column with the right answer.")]
Cluster = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Column with the source that tasks share, such as a text.")
]
Name = Annotated[str | None, typer.Option(metavar="NAME", help="Name of the run. Default: the name of the file.")]
Out = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Run folder. Default: runs/NAME.")]


@app.callback()
def imports() -> None:
    """Turn texts made elsewhere into a run, or add people's labels to a run."""


def _texts(kind: Literal["jsonl", "csv"], about: str) -> None:
    """Adds the command that imports texts from files of this kind."""

    def texts(
        file: File,
        task: Task,
        output: Output,
        condition: Condition = None,
        factor: Factor = None,
        draw: Draw = None,
        prompt: Prompt = None,
        target: Target = None,
        cluster: Cluster = None,
        name: Name = None,
        out: Out = None,
        json: AsJson = False,
        quiet: Quiet = False,
    ) -> None:
        from agentlab.runs.imports import Columns, table

        columns = Columns.of(task, output, condition, factor or (), draw, prompt, target, cluster)
        imported = table(file, kind, columns, name, out)
        print_result(imported, [imported], json, quiet)

    app.command(kind, help=about, epilog=codes.codes(codes.READS))(texts)


_texts("jsonl", "Import texts from a file with one JSON object per line.")
_texts("csv", "Import texts from a CSV file with a heading.")


@app.command(epilog=codes.codes(codes.READS))
def labels(
    file: Annotated[Path, typer.Argument(help="A CSV file with labels, such as `agentlab export labels` writes.")],
    run: Annotated[str, typer.Option(metavar="RUN", help="A run folder, or its name under runs/.")],
    measure: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The measure that was rated, if the file has no column `measure`."),
    ] = None,
    rater: Annotated[
        str | None, typer.Option(metavar="NAME", help="The rater, if the file has no column `rater`.")
    ] = None,
    probability: Annotated[
        float | None,
        typer.Option(
            metavar="P", help="Probability with which every rollout was drawn, if the file has no such column."
        ),
    ] = None,
    scale: Annotated[
        str,
        typer.Option(
            metavar="LOW:HIGH",
            help="Lowest and highest possible label, such as 1:10. Default: the range of the measure.",
        ),
    ] = "",
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Import people's labels of a run's outputs, to correct its judges."""
    from agentlab.runs.imports import ColumnDefaults, labels
    from agentlab.store import find

    imported = labels(file, find(run), ColumnDefaults.of(measure, rater, probability, scale))
    print_result(imported, [imported], json, quiet)
