"""The configuration of judges that look at two outputs at a time."""

from collections.abc import Mapping
from typing import Any

from agentlab.judges import KINDS
from agentlab.judges.compare import CompareConfig
from agentlab.judges.equivalence import EquivalenceConfig


def configured(document: Mapping[str, Any]) -> CompareConfig | EquivalenceConfig:
    """Of one judge, from its document."""
    config = KINDS[document["kind"]].model_validate(document)
    assert isinstance(config, CompareConfig | EquivalenceConfig)
    return config
