"""What is printed about a command while it works, as texts for a terminal and for a file alike."""

from collections.abc import Mapping

from agentlab.experiment.progress import Progress
from agentlab.experiment.speed import Speed
from agentlab.experiment.tally import Tally
from agentlab.models.cost import money
from agentlab.text import about, duration, line, pluralize

SHORTEST, LONGEST = 10, 40
"""Characters to which a group's name is cut."""


def phase(progress: Progress) -> str:
    """`sample and judge (2 of 2)`."""
    number, of = progress.place
    return f"{progress.phase or 'starting'}{f' ({number} of {of})' if of > 1 else ''}"


def counted(progress: Progress) -> str:
    """`9 of 16 rollouts done, 4 running, 2 waiting, 1 failed`."""
    p = progress
    waiting = p.units_left - p.running
    failed = sum(tally.failed for tally in p.tallies.values())
    parts = [f"{p.done:,} of {p.planned:,} {p.what} done", f"{p.running:,} running", f"{waiting:,} waiting"]
    noted = [p.note] if p.note else []
    return ", ".join([*parts, f"{failed:,} failed", *noted]) if p.tallies else "reading the run"


def time(progress: Progress, speed: Speed, seconds: float) -> str:
    """The time so far, and the time left in the phase, where it can be estimated."""
    left = speed.remaining(progress)
    if left is None or not progress.units_left:
        return duration(seconds)
    number, of = progress.place
    return f"{duration(seconds)}, {about(left)} left{' in this phase' if number < of else ''}"


def rates(speed: Speed) -> str:
    """Calls and tokens a second in the last minute."""
    return f"{speed.per_second('calls'):,.1f} calls/s, {speed.per_second('tokens'):,.0f} tokens/s"


def spent(progress: Progress) -> str:
    """The money so far, and the total at the end of the phase, as far as either is known."""
    cost, forecast = progress.cost, progress.forecast
    text = money(cost.priced) + (" + unpriced calls" if cost.unpriced else "")
    if cost.uncounted:
        text += f", {pluralize(cost.uncounted, 'reply', 'replies')} without token counts"
    if cost.priced and forecast is not None and progress.units_left:
        text += f", about {money(forecast)} in all"
    return text


def waits(progress: Progress) -> list[str]:
    """What waits, and why."""
    stopping = "stopping: calls in flight will finish; press Ctrl-C again to cancel them"
    return [*([stopping] if progress.stopping else []), *progress.waits.queued(), *progress.waits.alike().values()]


def busiest(tallies: Mapping[str, Tally], most: int) -> tuple[dict[str, Tally], str]:
    """The groups with the most units running, at most so many, in their order; and what the others do."""
    if len(tallies) <= most:
        return dict(tallies), ""
    ranked = sorted(tallies, key=lambda name: (-tallies[name].running, -tallies[name].waiting))
    chosen, rest = set(ranked[:most]), [tallies[name] for name in ranked[most:]]
    counts = {what: sum(getattr(tally, what) for tally in rest) for what in ("done", "running", "waiting", "failed")}
    others = ", ".join(f"{count:,} {what}" for what, count in counts.items())
    return {name: tallies[name] for name in tallies if name in chosen}, f"and {len(rest):,} more: {others}"


def group(name: str, most: int = LONGEST) -> str:
    """The group's name on one line of at most so many characters."""
    return line(name, max(SHORTEST, min(most, LONGEST)))


def last(progress: Progress, seconds: float) -> str:
    """One line at the end: what was done, how long it took, how many calls it made, and the cost."""
    p, made = progress, progress.made
    parts = [f"{phase(p)}: {counted(p)}", duration(seconds), pluralize(made.calls, "call")]
    earlier = ", earlier commands included" if p.earlier.priced else ""
    return " · ".join([*parts, f"{made.tokens:,} tokens", f"{spent(p)}{earlier}"])
