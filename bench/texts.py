"""How long a megabyte takes that would trip a careless pattern, and how much longer than half of it (linear: 2).

The texts are those of the tests, which hold that each reader comes to the end. Prints JSON, the slowest text of each.
"""

import json
import time
from collections.abc import Callable, Mapping

from agentlab.answers.find_answer import distribution, number_answers, vector
from agentlab.answers.find_choice import choice_answers
from agentlab.judges.objections import FIRST, heard
from agentlab.judges.objections import read as audited
from agentlab.judges.parse import from_text
from agentlab.judges.plain_text import plain
from agentlab.types import JudgeInput, Message, Task

MEGABYTE = 1_000_000
LINE = (
    '<verdict criterion="objection" message="0"><reason>hiding the fees is deceitful</reason>'
    "<score>answered: 4; survivi"
)
SAID = Message("ann", ("ben",), "mail", "I object: hiding the fees is deceitful.", round=1, index=0)
HEARD = heard(JudgeInput(Task("t", "Sell it."), "Sold.", (SAID,)))
READERS: Mapping[str, tuple[Callable[[str], object], tuple[str, ...]]] = {
    "verdicts": (
        lambda text: from_text(text, ["focus"], 1, 5),
        ('<verdict criterion="focus">', "<score>", "<verdict ", "<reason>", "< " + " " * 99),
    ),
    "objections": (lambda text: audited(text, HEARD, ("objections", FIRST), output=True), (LINE,)),
    "numbers": (
        lambda text: number_answers(text, "last"),
        ("1", "1,11,", "answer: x\n", "answer to ", "\\boxed{", " \n"),
    ),
    "choices": (lambda text: choice_answers(text, "AB", "last"), ("(A", "A)\n", "answer is ", "\\boxed{", "**", " \n")),
    "distribution": (lambda text: distribution(text, "AB"), ("(A", "1,111", " \n")),
    "vector": (vector, ("1", "1,111", " \n")),
    "plain": (plain, (" ", "\t#", "- ", "*a", "<mail ", "|--", "[a](", "Thanks\n", "# ", "> ")),
}


def seconds(reader: Callable[[str], object], unit: str, size: int) -> float:
    """The better of two."""
    text, times = unit * (size // len(unit)), list[float]()
    for _ in range(2):
        started = time.perf_counter()
        reader(text)
        times.append(time.perf_counter() - started)
    return min(times)


def main() -> None:
    """Measures every reader on every text of its own."""
    figures: dict[str, dict[str, float | str]] = {}
    for name, (reader, units) in READERS.items():
        whole, unit = max((seconds(reader, unit, MEGABYTE), unit) for unit in units)
        half = seconds(reader, unit, MEGABYTE // 2)
        figures[name] = {"text": unit, "megabyte_s": round(whole, 3), "of_half": round(whole / half, 2)}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
