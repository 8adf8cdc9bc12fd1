"""What a simulated agent plausibly writes to a ticket board: tickets, files, reports, reviews."""

import re
from collections.abc import Callable, Iterator

MOST = 3
"""Tickets that a lead puts up."""
_READ = re.compile(r'^<(work|continue|change|request|offer) from="[^"]*" id="([^"]+)">$', re.MULTILINE)


def teamwork(system: str, last: str, below: Callable[[int], int], say: Callable[[], str]) -> str:
    """Tagged blocks that answer what the agent has just read; empty where it is at no board or has nothing to do.

    `below(n)` draws a number under n, `say()` a sentence. One report in five is left out, and one review in four wants
    something changed.
    """
    return "\n".join(_blocks(system, last, below, say))


def _blocks(system: str, last: str, below: Callable[[int], int], say: Callable[[], str]) -> Iterator[str]:
    read = _READ.findall(last)
    if "<file " in system and not any(tag in system for tag in ("<ticket ", "<done ", "<review ")):
        yield f'<file path="work.md">{say()}\n{say()}</file>'  # alone, as a baseline: there is no board
    if '<planning from="' in last and "tickets come after." in last:
        yield f"<plan>{say()}</plan>"
    elif "<ticket " in system and "Tickets:\nnone yet" in last:
        for i in range(1, 2 + below(MOST)):
            after = f' after="T{i - 1}"' if i > 1 and below(3) == 0 else ""
            yield f'<ticket id="T{i}"{after}>{say()}</ticket>'
    for kind, id in read:
        if kind == "offer":
            yield f'<claim id="{id}"></claim>'
        elif kind == "request" or (kind == "continue" and "<review " in system and "<done " not in system):
            verdict = "change" if below(4) == 0 else "approve"
            yield f'<review id="{id}" verdict="{verdict}">{say()}</review>'
        elif "<done " in system:
            yield f'<file path="{id}.md">{say()}\n{say()}</file>'
            if below(5):
                yield f'<done id="{id}">{say()}</done>'
