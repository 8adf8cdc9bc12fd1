"""The tags that are read or written anywhere: those of the shipped protocols and of judges' replies."""

from functools import lru_cache

from agentlab.organization.declaration import tags_of
from agentlab.organization.markup import Block, Markup, markup
from agentlab.organization.protocols import SHIPPED

TAGS = tuple(dict.fromkeys((*(tag for routing in SHIPPED for tag in tags_of(routing)), "verdict", "reason", "score")))
"""Inert in whatever is quoted, whichever protocol it is quoted in."""

ALL = markup(TAGS)
parse, escape, attribute = ALL.parse, ALL.escape, ALL.attribute

__all__ = ["ALL", "TAGS", "Block", "attribute", "escape", "markup_of", "parse"]


@lru_cache(maxsize=256)
def markup_of(protocol_tags: tuple[str, ...]) -> Markup:
    """The tags to escape in what agents are shown under a protocol with these tags: they and `TAGS`."""
    return markup(tuple(dict.fromkeys((*TAGS, *protocol_tags))))
