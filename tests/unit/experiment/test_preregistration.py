"""A declared contrast as a run records it."""

import msgspec

from agentlab.experiment.preregistration import conditions, register
from agentlab.scenario.declared import Declared


def test_levels_may_hold_what_joins_them() -> None:
    contrast = Declared("", "team", "a,tone=x", "b", {"tone": "curt,team=b", "size": "1=2"}, "utility")
    meta = msgspec.json.decode(msgspec.json.encode({"compare": {"exploratory": [contrast]}}))
    exploratory = register(meta).exploratory or ()
    assert exploratory == (contrast,)
    assert exploratory
    read = exploratory[0]
    assert read.within == "tone=curt,team=b,size=1=2"
    assert conditions(read, ["tone", "team", "size"]) == (
        "tone=curt,team=b,team=a,tone=x,size=1=2",
        "tone=curt,team=b,team=b,size=1=2",
    )
