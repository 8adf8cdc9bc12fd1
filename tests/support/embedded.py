"""Whether the embedded model is installed, and the mark of tests that need it."""

import pytest

from agentlab.errors import ScenarioError
from agentlab.models import weights
from agentlab.models.providers import local


def _missing() -> str | None:
    if local.engine is None:
        return weights.ENGINE_LINE
    try:
        weights.embedded()
    except ScenarioError as error:
        return str(error)
    return None


MISSING = _missing()
real = pytest.mark.skipif(MISSING is not None, reason=f"the embedded model is not installed: {MISSING}")
