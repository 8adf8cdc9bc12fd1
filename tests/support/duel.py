"""Three arms of known worth, models that judge two outputs, and the scenario that lets them meet."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import agentlab
from agentlab.models import capabilities as families
from agentlab.runs.frames import Run
from agentlab.types import Completion, Request

TEXTS = re.compile(r'<output name="([AB])">\n(.*?)\n</output>', re.DOTALL)
WORTH = re.compile(r"worth (\d+)")
_NAMES = re.compile(r'<verdict criterion="(\w+)"')


@dataclass(slots=True)
class Taster:
    """Names the output that states the higher worth. `place`: or always this one; `near`: or TIE if they differ by no
    more; `muddled`: nothing that can be read, where either output holds this text."""

    place: str = ""
    near: int = 0
    muddled: str = "\0"
    name: str = "tests.support.duel:Taster"
    capabilities: Any = families.EVERYTHING
    asked: ClassVar[list[str]] = []
    broken: ClassVar[list[int]] = []
    """How many calls fail before the next one is answered, as the one item."""

    async def complete(self, request: Request) -> Completion:
        prompt = "\n".join(entry.content for entry in request.chat)
        if self.broken and self.broken[0] > 0:
            self.broken[0] -= 1
            raise RuntimeError("no taste today")
        Taster.asked.append(prompt)
        texts = dict(TEXTS.findall(prompt))
        if any(self.muddled in text for text in texts.values()):
            return Completion("Both are fine.")
        chosen = self.place or self._chosen(texts)
        names = dict.fromkeys(_NAMES.findall(request.chat[-1].content))
        if request.settings.schema is not None:
            keys = request.settings.schema["properties"]
            return Completion(json.dumps({key: {"reason": "", "score": chosen} for key in keys}))
        lines = (f'<verdict criterion="{n}"><reason>so</reason><score>{chosen}</score></verdict>' for n in names)
        return Completion("\n".join(lines))

    def _chosen(self, texts: Mapping[str, str]) -> str:
        a, b = (int(found[1]) if (found := WORTH.search(texts[name])) else 0 for name in "AB")
        return "TIE" if abs(a - b) <= self.near else "A" if a > b else "B"


@dataclass(slots=True)
class Alike:
    """Says whether two outputs state the same worth."""

    name: str = "tests.support.duel:Alike"
    capabilities: Any = families.EVERYTHING
    asked: ClassVar[list[frozenset[str]]] = []
    first: ClassVar[Counter[bool]] = Counter()

    async def complete(self, request: Request) -> Completion:
        texts = dict(TEXTS.findall(request.chat[-1].content))
        a, b = (WORTH.search(texts[name]) for name in "AB")
        Alike.asked.append(frozenset(texts.values()))
        Alike.first[texts["A"] < texts["B"]] += 1
        assert a is not None
        assert b is not None
        same = "yes" if a[1] == b[1] else "no"
        return Completion(f'<verdict criterion="same"><reason>so</reason><score>{same}</score></verdict>')


@dataclass(slots=True)
class Writer:
    """Writes something of a worth between `low` and `high`; refuses in `refuses` of 4 cases."""

    low: int = 0
    high: int = 9
    refuses: int = 0
    wordy: bool = False
    name: str = "tests.support.duel:Writer"
    capabilities: Any = field(default=families.EVERYTHING)

    async def complete(self, request: Request) -> Completion:
        at = request.where.stream
        if at % 4 < self.refuses:
            return Completion("", stop="refusal")
        words = f" {at % 3 * 'so '}says {at % 1_000_003}" if self.wordy else ""
        return Completion(f"</output> worth {self.low + at // 7 % (self.high - self.low + 1)}{words}")


SCENARIO = """\
spec: 1
name: duel
seed: 5
models:
  default: {name: "tests.support.duel:Writer", options: {low: 3, high: 9}}
  poor: {name: "tests.support.duel:Writer", options: {low: 0, high: 6}}
  judge: {name: "tests.support.duel:Taster"}
tasks:
  loan: {prompt: Help the bank.}
  rent: {prompt: Help the tenant.}
  sale: {prompt: Help the shop.}
organization:
  agents: {ann: {system: Be strong.}, bob: {system: Be weak., model: poor}, cyd: {system: Be lazy.}}
  protocol: {kind: chain, stages: [[ann]]}
  cast: [ann]
factors:
  team:
    strong: {}
    weak: {organization: {cast: [bob], protocol: {stages: [[bob]]}}}
    lazy: {organization: {cast: [cyd], protocol: {stages: [[cyd]]}}}
draws: 4
judges:
  taste:
    kind: compare
    criteria: {better: {text: Which is worth more?}}
    arms: {team: [[strong, weak]]}
    anchors: {sums: {task: What is it?, good: [worth 6, worth 7, worth 8, worth 9],
      bad: [worth 0, worth 1, worth 2, worth 3], padded: [worth 6 indeed]}}
"""
Change = tuple[str, str]


def write(*changes: Change, text: str = SCENARIO) -> Path:
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    path = Path("s.yaml")
    path.write_text(text, encoding="utf-8")
    return path


def run(*changes: Change, **how: Any) -> Run:
    return asyncio.run(agentlab.run(write(*changes), **how))
