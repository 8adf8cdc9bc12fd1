"""What judges chose by facts of tasks that were corrected later."""

from agentlab.text import line

OUTDATED = "outdated_populations"
"""In the run's meta: by condition, task and judge, how many populations were made by what the task said before."""


def by_old_facts(condition: str, tasks: str, judge: str, made: str, stay: str) -> str:
    """The sentence on what a judge chose before the target or fields of these tasks changed."""
    return (
        f"{line(condition)}, {line(tasks)}: the target or fields changed, but judge {line(judge)} used the old ones in "
        f"{made}; {stay} are not made again, so play the scenario in a new folder (`--new`)."
    )
