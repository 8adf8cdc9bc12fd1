"""Which recorded conditions share random streams, for judges that look at their rollouts."""

from agentlab.mapping import mapping
from agentlab.scenario.generations import coupling
from agentlab.scenario.levels import REPLICATE
from agentlab.store import Store


def couplings(store: Store) -> dict[str, str]:
    """By condition, the text that `RolloutKeys.coupling` gives; empty if the condition shares streams with others."""
    levels, facts = store.levels(), store.conditions()
    if store.meta().get("coupling") == "none":
        return {name: name for name in levels}
    repeated = {name: mapping(known.get("improve")).get("replicates", 1) > 1 for name, known in facts.items()}
    return {name: coupling(int(of[REPLICATE])) if repeated[name] else "" for name, of in levels.items()}
