"""The tags that are read or written anywhere: those of the shipped protocols and of judges' replies."""

from functools import cache, lru_cache

from agentlab.organization.markup import Block, Markup, markup

OF_PROTOCOLS = (
    "plan ticket assign claim done review file output board planning offer work continue request change closed failed "
    "conflict bounce unparsed truncated mail veto reply"
).split()
"""The tags of every shipped protocol. They stand here since importing all protocols takes longer than opening a run."""


@cache
def every_tag() -> Markup:
    """All of them, inert in whatever is quoted, whichever protocol it is quoted in."""
    return markup((*OF_PROTOCOLS, "verdict", "reason", "score"))


def parse(text: str) -> list[Block]:
    """See `Markup.parse`."""
    return every_tag().parse(text)


def escape(text: str) -> str:
    """See `Markup.escape`."""
    return every_tag().escape(text)


def attribute(text: str) -> str:
    """See `Markup.attribute`."""
    return every_tag().attribute(text)


@lru_cache(maxsize=256)
def markup_of(protocol_tags: tuple[str, ...]) -> Markup:
    """The tags to escape in what agents are shown under a protocol with these tags: they and `every_tag`."""
    return markup(tuple(dict.fromkeys((*every_tag().tags, *protocol_tags))))
