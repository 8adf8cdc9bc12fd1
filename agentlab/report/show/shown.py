"""What `agentlab show` prints: decides whether a run or a scenario is meant."""

from collections.abc import Sequence
from pathlib import Path

from agentlab.errors import ScenarioError, StoreError
from agentlab.report.diagrams.organizations import scenario_svg
from agentlab.report.show.prompts import prompts as all_prompts
from agentlab.report.show.rollouts import rollouts
from agentlab.report.show.scenario import scenario
from agentlab.runs.frames import load
from agentlab.runs.transcript import board, transcript
from agentlab.scenario import library
from agentlab.scenario.design import Design
from agentlab.scenario.loading import load as load_scenario
from agentlab.store import DATABASE, find
from agentlab.suggestion import suggest


def shown(
    what: str,
    *,
    rollout: str | None = None,
    turn: str | None = None,
    html: Path | None = None,
    prompts: bool = False,
    svg: Path | None = None,
    most: int = 50,
    values: Sequence[str] = (),
    status: str | None = None,
    files: bool = False,
    width: int | None = None,
) -> str:
    """The text for a run (folder, or name under runs/) or a scenario; `html` writes the rollout's page to a file, `svg`
    a picture of the scenario's organizations. `files` shows the rollout's tickets by round and what changed in files.
    `width` is how many characters of a table fit into a line; None means any number.

    A name that is both is the run, unless `prompts`, `svg` or `values` are given, which are about a scenario; each of
    `values` is `PATH=VALUE`. Raises `ScenarioError` if nothing fits.
    """
    if rollout is None and (turn is not None or html is not None or files):
        raise ScenarioError("--turn, --files and --html need one rollout: name it with --rollout")
    if files and turn is not None:
        raise ScenarioError("--turn shows one turn and --files the whole rollout; give only one of them")
    option = "--prompts" if prompts else "--svg" if svg is not None else "--set" if values else ""
    if option and rollout is not None:
        raise ScenarioError(f"{option} is for scenarios and --rollout is for runs; give only one of them")
    if status is not None and (rollout is not None or prompts or svg is not None):
        raise ScenarioError("--status lists the rollouts of a run: leave out --rollout, --prompts and --svg")
    folder = folder_of(what)
    if folder is None or option:
        design = scenario_of(what, option, rollout, folder, values)
        if svg is not None:
            _write(svg, scenario_svg(design), "--svg")
            return f"wrote {svg}"
        return all_prompts(design) if prompts else scenario(design)
    if rollout is None:
        return rollouts(load(folder), most, status, width)
    transcribed = transcript(folder, rollout)
    if html is not None:
        _write(html, transcribed.page(), "--html")
        if turn is None and not files:
            return f"wrote {html}"
    return board.render(transcribed.record) if files else transcribed.text(turn)


def folder_of(what: str) -> Path | None:
    """The folder of the run that is meant; None where a scenario is."""
    if Path(what).is_file():
        return None
    try:
        return find(what)
    except StoreError:
        if Path(what).is_dir() and not any(Path(what).glob("*.yaml")):
            raise
        return None


def scenario_of(what: str, option: str, rollout: str | None, folder: Path | None, values: Sequence[str]) -> Design:
    if rollout is not None:
        find(what)  # raises, naming the runs there are
    if folder is not None and (Path(what) / DATABASE).is_file():
        raise ScenarioError(
            f"{what} is a run, but {option} is for scenarios: give a YAML file or the name of a scenario"
        )
    try:
        path = library.scenario(what)
    except ScenarioError as error:
        missing = _no_run(what)
        if Path(what).parent == Path("runs"):
            raise ScenarioError(missing) from None
        raise ScenarioError(f"{missing}{' ' if missing.endswith('?') else '; '}as a scenario: {error}") from None
    return load_scenario(path, values=values)


def _no_run(what: str) -> str:
    """That no run has this name, with the nearest one."""
    runs = [path.parent.name for path in Path("runs").glob(f"*/{DATABASE}")]
    known = f"; {suggest(Path(what).name, runs)}" if runs else "; runs/ has no run yet"
    return f"no run {what!r}{known}"


def _write(path: Path, text: str, option: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path}: cannot write the file ({error.strerror}); give another {option} file") from error
