"""Language models behind one method: hosted, on a server of one's own, embedded, simulated, or replayed.

An SDK is imported only by its provider's module, and that only when such a model is built.
"""

from agentlab.models.cost import Cost, cost_of_call, estimated, money
from agentlab.models.prices import cost_of, price_known
from agentlab.models.registry import PROVIDERS, capabilities_of, check_name, mistakes_of
from agentlab.models.serve import ServingRecord, StopSwitch, get_model, serve
from agentlab.models.spec import ModelSpec, Price
from agentlab.models.waits import Waits

__all__ = [
    "PROVIDERS",
    "Cost",
    "ModelSpec",
    "Price",
    "ServingRecord",
    "StopSwitch",
    "Waits",
    "capabilities_of",
    "check_name",
    "cost_of",
    "cost_of_call",
    "estimated",
    "get_model",
    "mistakes_of",
    "money",
    "price_known",
    "serve",
]
