"""What the options of `agentlab resample` mean."""

from contextlib import closing
from pathlib import Path

from agentlab.engine.intervention import Redraw
from agentlab.errors import ScenarioError
from agentlab.experiment.resample.swaps import Swap
from agentlab.runs.transcript.find import find as locate
from agentlab.store import read

TRIES = 20
"""Draws of a turn by default."""


def key_of(folder: Path, rollout: str | None) -> str | None:
    """The key of the rollout that is meant."""
    if rollout is None:
        return None
    with closing(read(folder)) as connection:
        return locate(connection, rollout)


def swap(text: str | None) -> Swap | None:
    """Agent and model."""
    if text is None:
        return None
    agent, equals, model = text.partition("=")
    if not equals or not agent or not model:
        raise ScenarioError(f"--swap {text!r}: write AGENT=MODEL, such as analyst=openai/gpt-5.2")
    return Swap(agent, model)


def edit(message: int | None, text: str | None) -> tuple[int, str] | None:
    """A message and what it says instead; `@FILE` is read."""
    if (message is None) != (text is None):
        raise ScenarioError("--edit and --text go together: --edit 12 --text 'Not today.', or --text @reply.txt")
    if message is None or text is None:
        return None
    if not text.startswith("@"):
        return message, text
    try:
        return message, Path(text[1:]).read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"--text {text}: cannot read the file ({error}); or write the text itself") from error


def until(wanted: str | None, tries: int, resilient: bool) -> Redraw | None:
    """A judge, and whether messages must have its property (`objection`) or lack it (`objection=no`)."""
    if wanted is None:
        if resilient or tries != TRIES:
            raise ScenarioError("--tries and --resilient need --until JUDGE")
        return None
    judge, _, has = wanted.partition("=")
    if has not in ("", "yes", "no"):
        raise ScenarioError(f"--until {wanted}: write JUDGE for messages that have the property, or JUDGE=no")
    return Redraw(judge, has != "no", tries, resilient)
