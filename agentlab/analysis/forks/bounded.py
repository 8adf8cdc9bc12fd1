"""The path of a rollout with intervals that end where outcomes do."""

from dataclasses import replace

from agentlab.stats.forks.path import Path, PathStep


def bounded(estimated: Path, scale: tuple[float, float]) -> Path:
    """With intervals that end where outcomes do, as those of t need not."""
    points = tuple(
        replace(point, low=_within(point.low, scale), high=_within(point.high, scale)) for point in estimated.points
    )
    steps = tuple(bounded_step(step, scale) for step in estimated.steps)
    return replace(
        estimated, points=points, steps=steps, decisive=estimated.decisive and bounded_step(estimated.decisive, scale)
    )


def bounded_step(step: PathStep, scale: tuple[float, float]) -> PathStep:
    span = (scale[0] - scale[1], scale[1] - scale[0])
    return replace(step, low=_within(step.low, span), high=_within(step.high, span))


def _within(value: float | None, ends: tuple[float, float]) -> float | None:
    return None if value is None else min(max(value, ends[0]), ends[1])
