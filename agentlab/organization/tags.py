"""The tags that are read or written anywhere: those of the shipped protocols and of judges' replies."""

from agentlab.interfaces import Routing
from agentlab.organization.declaration import tags_of
from agentlab.organization.markup import Block, Markup, markup
from agentlab.organization.protocols import SHIPPED

TAGS = tuple(dict.fromkeys((*(tag for routing in SHIPPED for tag in tags_of(routing)), "verdict", "reason", "score")))
"""Inert in whatever is quoted, whichever protocol it is quoted in."""

ALL = markup(TAGS)
parse, escape, attribute = ALL.parse, ALL.escape, ALL.attribute

__all__ = ["ALL", "TAGS", "Block", "attribute", "escape", "markup_of", "parse"]


def markup_of(protocol: Routing) -> Markup:
    """All tags that must be inert in what this protocol's agents are shown: `TAGS` and its own."""
    return markup(tuple(dict.fromkeys((*TAGS, *tags_of(protocol)))))
