"""The files of a rollout's workspace, written into a folder."""

from pathlib import Path

from agentlab.errors import ScenarioError, StoreError
from agentlab.organization.board.workspace import fault, files
from agentlab.runs.transcript import transcript


def workspace(folder: Path, rollout: str, out: Path, round: int | None = None) -> list[Path]:
    """Writes the files of a rollout as they were after `round`, or at its end, into the new folder `out`.

    Raises `ScenarioError` when no rollout or several fit, or it has no files, and `StoreError` when `out` is there
    already or cannot be written.
    """
    messages = transcript(folder, rollout).record.rollout.messages
    contents = files([message for message in messages if round is None or message.round <= round])
    wrong = next((why for path, text in contents.items() if (why := fault(path, text, contents))), None)
    if wrong is not None or not contents:
        raise ScenarioError(wrong or "this rollout has no files; only organizations with `kind: board` have files")
    if out.exists():
        raise StoreError(f"{out} already exists; give another --out")
    written: list[Path] = []
    try:
        for path, text in sorted(contents.items()):
            written.append(out / path)
            written[-1].parent.mkdir(parents=True, exist_ok=True)
            written[-1].write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{out}: cannot write files there ({error.strerror}); give another --out") from error
    return written
