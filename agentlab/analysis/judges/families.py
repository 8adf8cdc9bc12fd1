"""The model families of the agents of each condition."""

from agentlab.models.capabilities import maker
from agentlab.runs.frames import Run


def model_families(run: Run) -> dict[str, list[str | None]]:
    """By condition, the family of each agent's model, None for policies. Conditions without agents are left out."""
    facts_of = zip(run.conditions["condition"].tolist(), run.conditions["facts"].tolist(), strict=True)
    return {
        str(condition): [maker(str(agent["model"])) for agent in facts["agents"].values()]
        for condition, facts in facts_of
        if facts.get("agents")
    }
