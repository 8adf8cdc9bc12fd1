"""What is no mistake in a design, but stands in the way of its run or is seldom meant."""

from collections.abc import Iterator

from agentlab.models.readiness import obstacles
from agentlab.scenario.design import Design
from agentlab.scenario.validate import mapping


def remarks(design: Design) -> list[str]:
    """A sentence for each model that cannot be called as it is, and each agent that takes part in no condition."""
    return [*_models(design), *_idle(design)]


def _models(design: Design) -> Iterator[str]:
    judges = {**design.judges, **design.selectors, **design.of_two}.values()
    specs = [spec for condition in design.conditions for spec in condition.models.values()]
    specs += [design.models[judge.model] for judge in judges if judge.model is not None]
    yield from dict.fromkeys(sentence for spec in specs for sentence in obstacles(spec))


def _idle(design: Design) -> Iterator[str]:
    acting = {agent.name for condition in design.conditions for agent in condition.organization.agents}
    for name in mapping(mapping(design.tree.get("organization")).get("agents")):
        if name not in acting:
            yield f"agent {name!r} takes part in no condition"
