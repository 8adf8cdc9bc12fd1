"""Arguments and options that several commands take, with what a shell completes them to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer


def _runs(incomplete: str) -> list[str]:
    names = sorted(path.parent.name for path in Path("runs").glob("*/run.db"))
    return [name for name in names if name.startswith(incomplete)]


def _scenarios(incomplete: str) -> list[str]:
    from agentlab.scenario.library import names

    written = sorted(str(path) for path in Path().glob("*.yaml"))
    return [name for name in (*written, *names("scenarios")) if name.startswith(incomplete)]


def _either(incomplete: str) -> list[str]:
    return [*_runs(incomplete), *_scenarios(incomplete)]


def _levels(ctx: typer.Context, incomplete: str) -> list[str]:
    factors = _section(ctx, "factors")
    return [pair for pair in _pairs(factors) if pair.startswith(incomplete)]


def _pairs(factors: dict[str, dict[str, object]]) -> Iterator[str]:
    for factor, levels in factors.items():
        yield from (f"{factor}={level}" for level in levels)


def _tasks(ctx: typer.Context, incomplete: str) -> list[str]:
    return [name for name in _section(ctx, "tasks") if name.startswith(incomplete)]


def _section(ctx: typer.Context, name: str) -> dict[str, dict[str, object]]:
    """A section of the scenario that the command line names; empty where it cannot be read."""
    from agentlab.errors import AgentlabError
    from agentlab.mapping import mapping
    from agentlab.scenario.document import read
    from agentlab.scenario.library import scenario

    try:
        tree, _ = read(scenario(str(ctx.params.get("scenario"))))
    except AgentlabError:
        return {}
    return {key: mapping(value) for key, value in mapping(mapping(tree.value).get(name)).items()}


Scenario = Annotated[
    str,
    typer.Argument(
        help="A scenario file, or the name of a scenario that is shipped or in this folder.", autocompletion=_scenarios
    ),
]
RunName = Annotated[str, typer.Argument(help="A run folder, or its name under runs/.", autocompletion=_runs)]
RunOrMachine = Annotated[
    str | None,
    typer.Argument(
        help="A run folder, or its name under runs/. Without it, this machine is checked.", autocompletion=_runs
    ),
]
Shown = Annotated[
    str,
    typer.Argument(help="A run folder or its name under runs/, or a scenario file or name.", autocompletion=_either),
]
ModelName = Annotated[
    str | None, typer.Option("--model", metavar="NAME", help="Use this model as models.default: provider/name.")
]
JudgeModel = Annotated[
    str | None, typer.Option("--judge-model", metavar="NAME", help="Use this model as models.judge: provider/name.")
]
Values = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Set a value of the scenario, such as models.default.temperature=0. VALUE is YAML; null removes the "
        "value. May be repeated.",
    ),
]
Tasks = Annotated[str | None, typer.Option(metavar="A,B", help="Use only these tasks.", autocompletion=_tasks)]
Only = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FACTOR=LEVEL",
        help="Use only these levels: team=firm or team=firm,solo. May be repeated.",
        autocompletion=_levels,
    ),
]
Draws = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Use this many draws instead of the number in the scenario.")
]
Out = Annotated[str | None, typer.Option(metavar="FOLDER", help="Use this run folder. Default: runs/NAME.")]
New = Annotated[bool, typer.Option("--new", help="Start a fresh folder beside an existing one.")]
AcceptChanges = Annotated[
    bool, typer.Option("--accept-changes", help="Continue even if agentlab or a module of your own has changed.")
]
BaseUrl = Annotated[
    list[str] | None,
    typer.Option("--base-url", metavar="ALIAS=URL", help="The new address of a model's server. May be repeated."),
]
Concurrency = Annotated[
    int, typer.Option(min=1, max=2000, metavar="N", help="Play at most this many rollouts at once, up to 2000.")
]
UnsafeLocal = Annotated[
    bool,
    typer.Option(
        "--unsafe-local", help="Run programs of agents on this machine without a sandbox. The run records it."
    ),
]
Preregistered = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Run only if the scenario matches this preregistration (agentlab plan --preregister)."
    ),
]
