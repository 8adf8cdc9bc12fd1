"""Language models behind one method: hosted, on a server of one's own, embedded, simulated, or replayed.

An SDK is imported only by its provider's module, and that only when such a model is built. What calls models is in
`agentlab.models.serve`.
"""

from agentlab.models.cost import Cost, cost_of_call, estimated, money
from agentlab.models.prices import cost_of, price_known
from agentlab.models.registry import PROVIDERS, capabilities_of, check_name, mistakes_of
from agentlab.models.spec import ModelSpec, Price

__all__ = [
    "PROVIDERS",
    "Cost",
    "ModelSpec",
    "Price",
    "capabilities_of",
    "check_name",
    "cost_of",
    "cost_of_call",
    "estimated",
    "mistakes_of",
    "money",
    "price_known",
]
