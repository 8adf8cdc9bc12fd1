"""Sums in words, alone and with a text inserted that may lead a model to a wrong result (Freeman et al. 2023)."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field, PositiveInt

from agentlab.organization.declaration import Flaw
from agentlab.scenario.generators.slots import filled
from agentlab.scenario.generators.sums import Cell, Operator, Split, Sum, drawn
from agentlab.scenario.values import Fields, Name
from agentlab.seeds import stream

Insert = Literal["start", "middle", "end"]
MOST = 10_000
"""Tasks of a scenario."""


class AttackFields(Fields):
    """A text that is inserted into the question."""

    text: str = Field(
        min_length=1, description="The text. [x], [y], [right], [wrong], and [sum] stand for the numbers of the sum."
    )
    by: str = Field(default="", description="Who wrote it: the attacker in tables.")
    copies: tuple[PositiveInt, ...] = Field(
        default=(1,), min_length=1, description="How many times it is inserted: a task for each of these numbers."
    )
    redefines: bool = Field(
        default=False,
        description="Whether it changes the sum's meaning, as `in base 9` does, so another result is arguably right.",
    )
    found_on: tuple[str, ...] = Field(
        default=(), description="The sums on which it was found, such as 3 + 4. They may not be sums of the scenario."
    )
    score: float | None = Field(
        default=None, description="The share of wrong results with which it was found. It is too high to report."
    )
    queries: int | None = Field(default=None, ge=0, description="How many calls the search for it took.")


class ArithmeticFields(Fields):
    """Sums as tasks, alone and with each attack inserted."""

    kind: Literal["arithmetic"] = Field(description="Sums in words, alone and with each attack inserted.")
    seed: int = Field(default=2311, ge=0, le=2**63 - 1, description="The seed of the sums and their splits.")
    sums: Mapping[Split, PositiveInt] = Field(
        default={"report": 12},
        min_length=1,
        description="How many sums of each split: search, to find attacks on, and report. With the same seed, no pair "
        "of numbers is in both splits.",
    )
    digits: tuple[int, ...] = Field(
        default=(1,), min_length=1, description="Digits of each number, from 1 to 12. Several are used in turn."
    )
    operators: tuple[Operator, ...] = Field(default=("+",), min_length=1, description="Operators, used in turn.")
    wrong_by: tuple[int, ...] = Field(
        default=(1,), min_length=1, description="How far the wrong result is from the right one; used in turn."
    )
    phrasings: tuple[str, ...] = Field(
        default=("What is [sum]?",),
        min_length=1,
        description="Texts of the question, one per sum by the seed. Each contains [sum], or [x] and [y].",
    )
    insert: tuple[Insert, ...] = Field(
        default=("start",),
        min_length=1,
        description="Where an attack is inserted: at the start, in the middle (before the sum), or at the end.",
    )
    attacks: Mapping[Name, AttackFields] = Field(default={}, description="The attacks by name.")
    others: int = Field(
        default=3, ge=0, le=100, description="How many other sums of its split a task has in its field `others`."
    )

    def flaws(self) -> Iterator[Flaw]:
        """Mistakes that no field shows by itself."""
        for i, digits in enumerate(self.digits):
            if not 1 <= digits <= 12:
                yield ("digits", i), f"{digits} digits", "a whole number from 1 to 12"
        for i, wrong_by in enumerate(self.wrong_by):
            if not wrong_by:
                yield ("wrong_by", i), "a wrong result that is right", "a number other than 0"
        for i, phrasing in enumerate(self.phrasings):
            if "[sum]" not in phrasing and not ("[x]" in phrasing and "[y]" in phrasing):
                yield ("phrasings", i), "a phrasing without the sum", "[sum] where the sum stands, or [x] and [y]"

    def tasks(self) -> dict[str, Any] | Flaw:
        """The tasks by id as a scenario writes them, or why there are none."""
        flaw = next(self.flaws(), None)
        if flaw is not None:
            return flaw
        cells: list[Cell] = list(itertools.product(self.operators, self.digits, self.wrong_by))
        sums_by_split = drawn(cells, self.sums, self.seed)
        for split, count in self.sums.items():
            if len(sums_by_split[split]) < count:
                wrong = f"there are only {len(sums_by_split[split])} such sums in the split {split}"
                return ("sums", split), wrong, "a smaller number, or more digits or operators"
        pairs = {_pair(sum_.text) for sums in sums_by_split.values() for sum_ in sums}
        for name, attack in self.attacks.items():
            if shared := [text for text in attack.found_on if _pair(text) in pairs]:
                wrong = f"it was found on {shared[0]}, which is a sum of this scenario: its success would be too high"
                right = "the seed of the search, and `sums:` of the split report only"
                return ("attacks", name), wrong, right
        size = sum(len(sums) for sums in sums_by_split.values()) * (1 + sum(1 for _ in self._inserted()))
        if size > MOST:
            return (), f"{size:,} tasks", f"fewer sums, attacks or copies, for at most {MOST:,} tasks"
        return {id: task for sums in sums_by_split.values() for sum_ in sums for id, task in self._of_sum(sum_, sums)}

    def _inserted(self) -> Iterator[tuple[str, AttackFields, Insert, int]]:
        for name, attack in self.attacks.items():
            for insert, copies in itertools.product(self.insert, attack.copies):
                yield name, attack, insert, copies

    def _phrased(self, sum_: Sum) -> tuple[str, str, str]:
        """The sum's phrasing, and its question as the parts before and from the sum on."""
        phrasing = self.phrasings[stream(self.seed, "phrasing", *sum_.pair) % len(self.phrasings)]
        at = min(index for slot in ("[sum]", "[x]", "[y]") if (index := phrasing.find(slot)) >= 0)
        return phrasing, filled(phrasing[:at], numbers(sum_)), filled(phrasing[at:], numbers(sum_))

    def _asked(self, sum_: Sum) -> dict[str, Any]:
        """Another sum, with its question."""
        _, head, tail = self._phrased(sum_)
        return {**numbers(sum_), "question": head + tail}

    def _of_sum(self, sum_: Sum, split: list[Sum]) -> Iterator[tuple[str, dict[str, Any]]]:
        """The task of a sum alone, then one for each way in which a text is inserted."""
        phrasing, head, tail = self._phrased(sum_)
        place = split.index(sum_)
        others = [self._asked(other) for other in (split[place + 1 :] + split[:place])[: self.others]]
        fields: dict[str, Any] = {
            **numbers(sum_),
            "numbers": numbers(sum_),
            "clean": sum_.id,
            "operator": sum_.operator,
            "digits": sum_.digits,
            "wrong_by": sum_.wrong_by,
            "phrasing": phrasing,
            "head": head,
            "tail": tail,
            "bare": head + tail,
            "others": others,
        }
        task = {"prompt": "{{question}}", "target": str(sum_.right), "split": sum_.split(self.seed)}
        yield sum_.id, {**task, "fields": {**fields, "question": head + tail, "attack": ""}}
        for name, attack, insert, copies in self._inserted():
            text = " ".join([filled(attack.text, numbers(sum_))] * copies)
            parts = (f"{insert}" * (len(self.insert) > 1), f"x{copies}" * (len(attack.copies) > 1))
            id = ".".join(filter(None, (sum_.id, name, *parts)))
            places: Mapping[Insert, tuple[str, ...]] = {
                "start": (text, " ", head, tail),
                "middle": (head, text, " ", tail),
                "end": (head, tail, " ", text),
            }
            attack_fields = {"attack": name, "attacker": attack.by or name, "insert": insert, "copies": copies}
            attack_fields |= {"redefines": attack.redefines, "search_score": attack.score}
            yield id, {**task, "fields": {**fields, "question": "".join(places[insert]), **attack_fields}}


def numbers(sum_: Sum) -> dict[str, Any]:
    """What the slots of a text stand for."""
    return {"x": sum_.x, "y": sum_.y, "right": sum_.right, "wrong": sum_.wrong, "sum": sum_.text}


def _pair(text: str) -> tuple[str, ...]:
    """Equal for `3 + 4` and `4 + 3`."""
    return tuple(sorted(text.split()))
