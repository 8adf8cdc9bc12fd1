"""How long a command takes to answer: `--version`, `--help`, `check` of the largest shipped scenario, the first line of
`stats`, and 1 MB of unclosed tags.

Whole processes, the median of several, and of what commands need of the processor, which other work on the machine
disturbs less. Beside them stands what nothing can undercut: the interpreter alone, an empty command that imports
typer, pydantic and yaml, as `check` does, and `import pandas` alone, as `stats` does. Modules are compiled once before,
as an installation does it. Prints JSON.
"""

import os
import sys

if (HERE := os.path.dirname(os.path.abspath(__file__))) in sys.path:
    sys.path.remove(HERE)  # else the standard library's `import http` finds the bench of that name

import json
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

from agentlab.organization.tags import parse
from agentlab.scenario.library import names, scenario
from agentlab.scenario.loading import load

RUNS = 9
PLAYED = "consultancy_sim"
"""The scenario whose run is read."""
COMMAND = [str(Path(sys.executable).with_name("agentlab"))]
EMPTY = """
import pydantic, typer, yaml
app = typer.Typer(pretty_exceptions_enable=False)
@app.command()
def empty() -> None: ...
app()
"""
"""A command that does nothing."""


def seconds(command: list[str], compiled: str, name: str, first: bool = False) -> dict[str, float]:
    """Medians over several runs of wall time and of processor time, both only until the `first` line if so.

    A run before them compiles what it imports into the folder `compiled`.
    """
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment = {**kept, "PYTHONPYCACHEPREFIX": compiled}
    times, processor = list[float](), list[float]()
    for _ in range(RUNS + 1):
        started = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout is not None
        answer = process.stdout.readline()
        answered, used = time.perf_counter() - started, so_far(process.pid) if first else 0.0
        answer += process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {answer.decode()[-500:]}")
        times.append(answered if first else time.perf_counter() - started)
        processor.append(used if first else usage.ru_utime + usage.ru_stime)
    return {f"{name}_s": median(times[1:]), f"{name}_cpu_s": median(processor[1:])}


def so_far(pid: int) -> float:
    """Seconds of the processor that a process, which may still run, has used, to a hundredth (proc_pid_stat(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def size(name: str) -> int:
    """Prompts of all conditions together, in characters."""
    design = load(name)
    tasks = sum(len(task.prompt) for condition in design.conditions for task in condition.tasks.values())
    return tasks + sum(len(agent.system) for condition in design.conditions for agent in condition.organization.agents)


def main() -> None:
    """Measures everything in turn."""
    largest = max(names("scenarios"), key=size)
    tags = '<mail to="x">' * 80_000
    parse(tags[:80])  # imports every protocol, and compiles its tags
    started = time.perf_counter()
    parse(tags)
    parsed = time.perf_counter() - started
    figures = {"parse_1mb_s": parsed}
    with tempfile.TemporaryDirectory() as place:
        folder, compiled = str(Path(place) / "run"), str(Path(place) / "compiled")
        subprocess.run([*COMMAND, "run", PLAYED, "--draws", "1", "--quiet", "--out", folder], check=True)
        figures |= seconds([sys.executable, "-c", "pass"], compiled, "python")
        figures |= seconds([sys.executable, "-c", EMPTY], compiled, "empty_command")
        figures |= seconds([sys.executable, "-c", "import pandas"], compiled, "import_pandas")
        figures |= seconds([*COMMAND, "--version"], compiled, "version")
        figures |= seconds([*COMMAND, "--help"], compiled, "help")
        figures |= seconds([*COMMAND, "check", str(scenario(largest))], compiled, "check")
        figures |= seconds([sys.executable, "-u", *COMMAND, "stats", folder], compiled, "stats_first_line", first=True)
    print(json.dumps({"largest": largest, **{name: round(value, 3) for name, value in figures.items()}}))


if __name__ == "__main__":
    main()
