"""Whoever looks at the outcomes of a growing run is counted, or need not be."""

import asyncio
import errno
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agentlab.analysis.contrasts.compared import contrasts
from agentlab.analysis.summary import summarize
from agentlab.experiment.preregistration import register
from agentlab.runs.frames import Run, load
from agentlab.stats.contrasts.anytime import anytime_p, level
from agentlab.stats.contrasts.paired import paired
from agentlab.store import Store
from tests.support.command import Commands
from tests.support.numbers import close
from tests.support.planted import PRIMARY, play, scenario
from tests.support.tables import assert_alike

RUN = Path("run")
ANY = PRIMARY + "looks: any\n"


def unfinished(draws: int = 2) -> None:
    """A run whose command was killed before it came to its end: nobody has looked at it yet."""
    play(draws=draws)
    with closing(sqlite3.connect(RUN / "run.db", isolation_level=None)) as connection:
        connection.execute("DELETE FROM meta WHERE key = 'looks'")
        connection.execute("UPDATE meta SET value = json_set(value, '$[0].draws', 4) WHERE key = 'asked'")


def numbers() -> list[int]:
    return [look["rollouts"] for look in load(RUN).meta["looks"]]


WHOLE = [pytest.param(how, marks=pytest.mark.slow) for how in ("report", "stats")]  # every analysis, in seconds


@pytest.mark.parametrize("how", [*WHOLE, "stats contrasts", "show", "notebook"])
def test_a_reader_of_a_growing_run_is_an_interim_analysis(how: str, workdir: Path, commands: Commands) -> None:
    scenario(PRIMARY)
    unfinished()
    assert load(RUN).meta["looks"] == []
    assert load(RUN).rollouts.shape[0] == 56
    assert numbers() == [], "no outcome was read"
    for _ in range(2):
        if how == "notebook":
            assert load(RUN).measures["utility"].notna().all()
        else:
            command, *analysis = how.split()
            assert commands.agentlab(command, "run", *analysis).code == 0
    assert numbers() == [56]
    played = play(draws=3)
    assert numbers() == [56, 84]
    (first,) = [c for c in contrasts(played) if c.primary]
    assert first.interim.number == 2
    assert any("This is interim analysis 2 of these contrasts" in note for note in summarize(played).notes)


def test_a_finished_run_is_one_look_however_often_it_is_read(workdir: Path) -> None:
    scenario(PRIMARY)
    play()
    for _ in range(3):
        assert contrasts(load(RUN))[0].interim.number == 1
    assert numbers() == [112]


def test_the_file_of_a_finished_run_holds_its_looks_too(workdir: Path) -> None:
    scenario(PRIMARY)
    play(draws=2)
    play(draws=3)
    assert not (RUN / "looks.jsonl").exists()
    assert numbers() == [56, 84]
    assert contrasts(load(RUN))[0].interim.number == 2
    play(draws=4)
    assert numbers() == [56, 84, 112]


async def test_a_reader_records_beside_the_process_that_holds_the_run(workdir: Path) -> None:
    scenario(PRIMARY)
    await asyncio.to_thread(unfinished)
    with closing(Store.open(RUN)) as store:
        assert len(await asyncio.to_thread(lambda: load(RUN).measures)) == 56
        assert [look["rollouts"] for look in store.meta()["looks"]] == [56]


def test_what_is_declared_after_a_reader_looked_is_declared_late(workdir: Path) -> None:
    scenario()
    unfinished()
    assert len(load(RUN).scores)
    scenario(PRIMARY)
    assert [entry.after for entry in register(play(draws=2).meta).primary] == [1]


def test_a_run_that_cannot_be_written_is_read_all_the_same(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario(PRIMARY)
    unfinished()

    opening = Path.open

    def refuse(path: Path, mode: str = "r", *rest: Any) -> Any:
        if "a" in mode:
            raise OSError(errno.EROFS, "Read-only file system")
        return opening(path, mode, *rest)

    monkeypatch.setattr(Path, "open", refuse)
    found = summarize(load(RUN))
    assert found.contrasts[0].conclusion == "open: run not finished"
    told = "run/looks.jsonl: this look cannot be recorded (Read-only file system), so later analyses will not count it."
    assert told in found.notes


def test_any_look_is_valid_without_being_counted(workdir: Path) -> None:
    scenario(ANY)
    unfinished()
    for draws, share in ((2, 0.5), (4, 1.0), (6, 1.5)):
        played = play(draws=draws)
        first, rest = contrasts(played)[0], contrasts(played)[1:]
        assert first.interim.share == share
        expected = paired(*_values(played), 1 - level(share), most=1.0)
        assert_alike(first.result, expected)
        assert expected.new_tasks is not None
        close(first.p, anytime_p(expected.new_tasks.p, share))
        assert first.p is not None
        assert first.conclusion == ("firm better" if first.p <= 0.05 else "no difference found")
        assert {contrast.interim.spend for contrast in rest} == {"any"}
    notes = summarize(played).notes
    assert any("valid no matter how often you look at the run" in note and "At 150% of" in note for note in notes)
    assert not any("false alarms" in note for note in notes)


def _values(played: Run) -> tuple[list[Any], list[Any], Any, Any]:
    table = played.measures[played.measures["tone"] == "plain"]
    values = table.pivot_table(index=["task", "draw"], columns="team", values="utility", observed=True)
    tasks, draws = (values.index.get_level_values(name).tolist() for name in ("task", "draw"))
    return tasks, draws, values["firm"].to_numpy(), values["solo"].to_numpy()


def test_the_ending_says_what_the_intervals_are(workdir: Path, commands: Commands) -> None:
    told = commands.agentlab("run", scenario(ANY), "--draws", "2").out
    assert "difference [95% CI at every look]" in told
    said = "This is look 1, at 50% of the planned pairs; the intervals are valid at every look."
    assert said in " ".join(told.split())
    assert any("as wide as a 99.6" in note for note in summarize(load("runs/known")).notes)
    plan = commands.agentlab("plan", scenario(ANY)).out
    told = (
        "A difference counts as found at p ≤ 0.0066 instead of 0.05, because the results are looked at before the end."
    )
    assert told in " ".join(plan.split()), "one contrast takes no procedure for several"
