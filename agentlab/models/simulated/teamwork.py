"""What a simulated agent plausibly writes to a ticket board: tickets, files, reports, reviews."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

MOST = 3
"""Tickets that a lead puts up."""
_READ = re.compile(r'^<(work|continue|change|request|offer) from="[^"]*" id="([^"]+)">$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that an agent does at a board: a tag, its attributes, and what stands between its ends."""

    tag: str
    attributes: Mapping[str, str]
    body: str

    @property
    def block(self) -> str:
        """As a tag."""
        attributes = "".join(f' {name}="{value}"' for name, value in self.attributes.items())
        return f"<{self.tag}{attributes}>{self.body}</{self.tag}>"

    @property
    def arguments(self) -> Mapping[str, str]:
        """As the arguments of the tool with the name of the tag."""
        return {**self.attributes, **({"text": self.body} if self.body else {})}

    @property
    def tool(self) -> str:
        """The tool that does the same."""
        return "write" if self.tag == "file" else self.tag


def teamwork(
    system: str, last: str, tools: Collection[str], below: Callable[[int], int], say: Callable[[], str]
) -> list[Deed]:
    """What answers what the agent has just read; nothing where it is at no board or has nothing to do.

    `below(n)` draws a number under n, `say()` a sentence. One report in five is left out, and one review in four wants
    something changed.
    """
    return list(_deeds(system, last, tools, below, say))


def _deeds(
    system: str, last: str, tools: Collection[str], below: Callable[[int], int], say: Callable[[], str]
) -> Iterator[Deed]:
    def may(tag: str) -> bool:
        return tag in tools or f"<{tag} " in system

    if may("file") and not any(map(may, ("ticket", "done", "review"))):
        yield Deed("file", {"path": "work.md"}, f"{say()}\n{say()}")  # alone, as a baseline: there is no board
    if '<planning from="' in last and "tickets come after." in last:
        yield Deed("plan", {}, say())
    elif may("ticket") and "Tickets:\nnone yet" in last:
        for i in range(1, 2 + below(MOST)):
            after = {"after": f"T{i - 1}"} if i > 1 and below(3) == 0 else {}
            yield Deed("ticket", {"id": f"T{i}", **after}, say())
    for kind, id in _READ.findall(last):
        if kind == "offer":
            yield Deed("claim", {"id": id}, "")
        elif kind == "request" or (kind == "continue" and may("review") and not may("done")):
            yield Deed("review", {"id": id, "verdict": "change" if below(4) == 0 else "approve"}, say())
        elif may("done"):
            yield Deed("file", {"path": f"{id}.md"}, f"{say()}\n{say()}")
            if below(5):
                yield Deed("done", {"id": id}, say())
