"""Compares this tree with another revision: the same commands, run alternately, each in a process of its own.

Each figure is CPU time (user and system, of the command's own process and what it starts) or peak memory, the lowest of
all turns: other work on the machine only adds to it. Prints JSON with the figures of both trees and their ratio, this
tree over the other. Exits with 1 and names each figure that a change made worse: its ratio is above `--most`, and every
turn of this tree took more than every turn of the other, which chance does to 1 of 252 comparisons of five turns each.
"""

import os
import sys

if (HERE := os.path.dirname(os.path.abspath(__file__))) in sys.path:
    sys.path.remove(HERE)  # else the standard library's `import http` finds the bench of that name

import argparse
import json
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[1]
AGENTLAB = "import sys; from agentlab_cli.main import main; sys.argv[0] = 'agentlab'; main()"
ENGINE = f"import runpy; runpy.run_path({str(ROOT / 'bench/engine.py')!r}, run_name='__main__')"
FRAMES = "import agentlab; run = agentlab.load('made'); run.rollouts, run.messages, run.calls, run.scores, run.measures"
SCENARIO = "consultancy_sim"
DRAWS = ("--draws", "5")


@dataclass(frozen=True, slots=True)
class Work:
    """One command."""

    name: str
    words: tuple[str, ...]
    python: str = AGENTLAB
    exits: tuple[int, ...] = (0,)
    reads: bool = False
    """Whether it needs the folder `made` that `run` leaves."""


WORK = (
    Work("help", ("--help",)),
    Work("check", ("check", "consultancy")),
    Work("plan", ("plan", "consultancy"), exits=(0, 2)),
    Work("calls", ("--part", "agentlab", "--rollouts", "1000"), ENGINE),
    Work("run", ("run", SCENARIO, *DRAWS, "--quiet", "--out", "made")),
    Work("run_finished", ("run", SCENARIO, *DRAWS, "--quiet", "--out", "made"), reads=True),
    Work("stats", ("stats", "made"), reads=True),
    Work("report", ("report", "made", "--quiet"), reads=True),
    Work("frames", (), FRAMES, reads=True),
)
LEAST = {"cpu_s": 0.05, "peak_mb": 5.0}
"""Differences up to these are noise, whatever their ratio."""
FEWEST = 4
"""Turns of each tree without which a change cannot be told from noise."""


@dataclass(frozen=True, slots=True)
class Used:
    """What one command took."""

    seconds: float
    megabytes: float


def measure(work: Work, tree: Path, folder: Path) -> Used:
    """Runs the command on the code in `tree`. Raises RuntimeError if it ends in an unexpected way."""
    path = os.pathsep.join(str(tree / part) for part in (".", "cli", "scenarios"))
    environment = {**os.environ, "PYTHONPATH": path, "NO_COLOR": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else only the tree that is compiled already starts quickly
    with tempfile.TemporaryFile() as printed:
        command = [sys.executable, "-c", work.python, *work.words]
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=printed, stderr=printed)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = code = os.waitstatus_to_exitcode(status)
        if code not in work.exits:
            printed.seek(0)
            raise RuntimeError(f"{tree}: {work.name} ended with {code}: {printed.read().decode()[-500:]}")
    return Used(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


@contextmanager
def checked_out(revision: str, folder: Path) -> Generator[Path]:
    """The files of a revision, in a worktree that is removed afterwards."""
    tree = folder / "other"
    subprocess.run(["git", "worktree", "add", "--quiet", "--detach", str(tree), revision], cwd=ROOT, check=True)
    try:
        yield tree
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", str(tree)], cwd=ROOT, check=True)


def compared(revision: str, times: int, chosen: Sequence[Work]) -> dict[str, dict[str, float]]:
    """By command: the figures of both trees and their ratios. The trees take turns, and which goes first alternates."""
    used: dict[tuple[str, str], list[Used]] = {}
    with tempfile.TemporaryDirectory() as scratch, checked_out(revision, Path(scratch)) as other:
        trees = {"now": ROOT, "before": other}
        for turn in range(times + 1):
            for name in list(trees) if turn % 2 else list(reversed(trees)):
                folder = Path(scratch) / name
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                for work in chosen:
                    result = measure(work, trees[name], folder)
                    at = f"turn {turn} of {times}" if turn else "warming up"
                    print(f"{at}: {work.name}, {name}: {result.seconds:.1f} s of CPU time", file=sys.stderr)
                    if turn:  # the first turn fills the caches
                        used.setdefault((work.name, name), []).append(result)
    return {work.name: _figures(used[work.name, "now"], used[work.name, "before"]) for work in chosen}


def _figures(now: Sequence[Used], before: Sequence[Used]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for unit, values in (
        ("cpu_s", [[use.seconds for use in uses] for uses in (now, before)]),
        ("peak_mb", [[use.megabytes for use in uses] for uses in (now, before)]),
    ):
        current, other = map(min, values)
        figures |= {
            unit: round(current, 3),
            f"{unit}_before": round(other, 3),
            f"{unit}_before_highest": round(max(values[1]), 3),
            f"{unit}_ratio": round(current / other, 3),
        }
    return figures


def worse(figures: Mapping[str, Mapping[str, float]], most: float) -> Iterator[str]:
    """A line on each figure of this tree that is worse than the other's."""
    for work, values in figures.items():
        for unit, least in LEAST.items():
            current, other = values[unit], values[f"{unit}_before"]
            if current > max(most * other, other + least, values[f"{unit}_before_highest"]):
                yield f"{work}: {unit} is {current:g}, {current / other:.2f} times the {other:g} before"


def _stopped(number: int, frame: FrameType | None) -> None:
    """Ends the program as an exception, so that the worktree is removed."""
    sys.exit("stopped")


def main() -> None:
    """Measures, prints and judges."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision", help="What this tree is compared with: a tag, branch or commit.")
    parser.add_argument("--times", type=int, default=5, help="Turns of each tree; under 4, nothing fails.")
    parser.add_argument("--most", type=float, default=1.15, help="Highest ratio that passes.")
    names = [work.name for work in WORK]
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="The commands to compare.")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _stopped)
    wanted = [work for work in WORK if work.name in options.only]
    chosen = [w for w in WORK if w in wanted or (w.name == "run" and any(other.reads for other in wanted))]
    try:
        figures = compared(options.revision, options.times, chosen)
    except (RuntimeError, subprocess.CalledProcessError) as error:
        sys.exit(str(error))
    print(json.dumps(figures, indent=2))
    if options.times >= FEWEST and (lines := list(worse(figures, options.most))):
        sys.exit("\n".join(lines))


if __name__ == "__main__":
    main()
