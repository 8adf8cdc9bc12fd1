"""What is no mistake in a self-training loop, but seldom meant."""

from collections.abc import Iterator

from agentlab.scenario.design import Design
from agentlab.scenario.improve import Improve
from agentlab.scenario.replicates import few_replicates


def loop_remarks(design: Design) -> Iterator[str]:
    """A sentence on too few replicates, on thresholds that no generation has, on duplicates of short answers, and on
    examples that nobody reads."""
    loop = design.loop
    if loop is None:
        return
    if few := few_replicates(loop.fields.replicates):
        yield few
    yield from dict.fromkeys(c.loop.unused for c in design.conditions if c.loop and c.loop.unused)
    yield from _duplicates(design)
    policies = {c.models[c.loop.fields.policy].name for c in design.conditions if _shows(c.loop) and c.loop}
    if "sim/replies" in policies:
        yield (
            "sim/replies draws its replies without reading the prompt, so examples in the prompt (`by: {kind: "
            "exemplars}`) cannot change anything; `agentlab train exemplars_sim` has a simulated model that copies "
            "examples"
        )


def _shows(loop: Improve | None) -> bool:
    return loop is not None and loop.fields.by.get("kind") == "exemplars"


def _duplicates(design: Design) -> Iterator[str]:
    """Of each judge of choices by which texts without duplicates are kept: short answers are all duplicates."""
    from agentlab.judges.match import MatchConfig  # for which a scenario without a loop does not wait

    for judge in dict.fromkeys(_deciding(design, c.loop) for c in design.conditions if c.loop):
        config = getattr(design.judges.get(judge), "config", None)
        if isinstance(config, MatchConfig) and config.by == "choice":
            yield (
                f"judge {judge!r} reads a choice, and keep.dedupe is `text`: if replies are little more than the "
                f"choice, one rollout of each task is kept, however often the model gave it; `dedupe: none` keeps all"
            )


def _deciding(design: Design, loop: Improve) -> str:
    """The judge of the measure that decides; empty if duplicates are not removed by their text."""
    keep = loop.fields.keep
    if keep.dedupe != "text":
        return ""
    measure = design.measures.get(keep.measure)
    return keep.measure if measure is None else measure.judge
