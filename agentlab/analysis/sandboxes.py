"""What has to be known of how the programs of agents were run."""

from agentlab.experiment.sandboxed import UNSAFE
from agentlab.runs.frames import Run
from agentlab.text import line


def sandbox_notes(run: Run) -> list[str]:
    """A sentence where programs ran without a sandbox, or in several kinds of one."""
    names = [str(name) for name in run.meta.get("sandboxes", ())]
    unsafe = [name for name in names if name.startswith(UNSAFE)]
    notes = [f"Programs of agents ran on this machine without a sandbox: {line(name)}." for name in unsafe]
    if len(names) > 1:
        notes.append(f"Programs of agents ran in {' and '.join(map(line, names))}: what they can do may differ.")
    return notes
