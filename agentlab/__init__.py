"""Controlled experiments on organizations of language-model agents.

    run = agentlab.load("quickstart")
    run.measures

Names are imported when they are first used, so that `import agentlab` costs nothing (PEP 562).
"""

from importlib import import_module
from typing import Any

_HOME = {
    "Run": "agentlab.runs.frames",
    "Runs": "agentlab.runs.frames",
    "load": "agentlab.api",
    "run": "agentlab.api",
    "concat": "agentlab.api",
    "compare": "agentlab.api",
    "summarize": "agentlab.analysis.summary",
    "AgentlabError": "agentlab.errors",
    "ScenarioError": "agentlab.errors",
    "MismatchError": "agentlab.errors",
    "StoreError": "agentlab.errors",
    "AnalysisError": "agentlab.errors",
}

__all__ = [*_HOME]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'agentlab' has no attribute {name!r}; it has {', '.join(_HOME)}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*_HOME]
