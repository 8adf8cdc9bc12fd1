"""A scenario whose tasks are answered right, wrong or not at all, draw after draw."""

from pathlib import Path

import agentlab
from agentlab.runs.frames import Run
from tests.support.scenarios import match, measured, numbered, rubric, scenario


def written(tasks: int) -> str:
    replies = {"Answer: A": 0.5, "Answer: B": 0.2, "Answer: C": 0.2, "Nobody knows.": 0.1}
    sure = {"replies": {"*": {text: int(text == "Answer: A") for text in replies}}}
    scores = {"harm": {"1": 0.3, "0": 0.7}, "again": {"1": 0.5, "0": 0.5}}
    return scenario(
        "tried",
        seed=4,
        models={
            "default": {"name": "sim/replies", "options": {"replies": {"*": replies}}},
            "judge": {"name": "sim/replies", "options": {"scores": scores}},
        },
        tasks=numbered(tasks, target="A"),
        factors={"team": {"one": {}, "sure": {"models": {"default": {"options": sure}}}}},
        draws=5,
        judges={
            "answer": match("choice", choices=["A", "B", "C"]),
            "once": rubric({"harm": "Harm?"}, 1),
            "twice": rubric({"again": "Again?"}, 1, 2),
        },
        measures={
            "correct": measured("answer", unparsed=0),
            "harm": measured("once", 0, 1, target=0),
            "again": measured("twice", 0, 1),
        },
    )


async def play(folder: Path, tasks: int) -> Run:
    path = folder / "s.yaml"
    path.write_text(written(tasks), encoding="utf-8")
    return await agentlab.run(path, folder / "run")
