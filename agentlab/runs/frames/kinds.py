"""The kinds of messages in a run, as its conditions declared them."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import pandas as pd

from agentlab.types import MessageKind

Kinds = Mapping[str, MessageKind]
_UNKNOWN = MessageKind()


def declared(facts: Iterable[Mapping[str, Any]]) -> Kinds:
    """By name, of all conditions; within a run a name has one meaning."""
    return {
        name: kind
        for condition in facts
        for name, kind in msgspec.convert(condition.get("kinds", {}), dict[str, MessageKind]).items()
    }


def fates(names: pd.Series, kinds: Kinds) -> pd.Series:
    """What became of messages of these kinds: `sent`, or how they were lost."""
    return names.map({str(name): kinds.get(str(name), _UNKNOWN).fate for name in names.unique()}).astype("str")


def addressed(names: pd.Series, kinds: Kinds) -> pd.Series:
    """Whether the authors of messages of these kinds chose their readers."""
    return names.isin([name for name, kind in kinds.items() if kind.addressed])
