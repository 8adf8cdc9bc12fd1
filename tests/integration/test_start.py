"""A command imports what it uses: what a scenario does not name costs it no time."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.firm import BASE

pytestmark = pytest.mark.process
PROCESS = """
import sys
from agentlab_cli.main import main
sys.argv = ["agentlab", *{words}]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print([name for name in {unwanted} if name in sys.modules])
"""


SCORED = '{name: sim/replies, options: {scores: {"*": {"3": 1.0}}}}'


def imported(*words: str, unwanted: list[str]) -> str:
    """Which of these modules the command imports."""
    code = PROCESS.format(words=list(words), unwanted=unwanted)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_check_imports_no_part_that_the_scenario_does_not_name() -> None:
    """The largest scenario that ships: mail, chains and baselines, judged by rubrics; no tools, no training."""
    unwanted = [
        "agentlab.answers",
        "agentlab.experiment",
        "agentlab.judges.audit",
        "agentlab.judges.compare",
        "agentlab.judges.match",
        "agentlab.judges.program",
        "agentlab.models.serve",
        "agentlab.organization.protocols.board",
        "agentlab.organization.protocols.cascade",
        "agentlab.organization.protocols.python_program",
        "agentlab.products.news_ranker",
        "agentlab.runs",
        "agentlab.tools.board",
        "agentlab.tools.files",
        "agentlab.tools.mcp",
        "agentlab.tools.sandbox",
        "agentlab.training.trainers.weights",
        "agentlab_cli.run",
        "agentlab_cli.stats",
        "asyncio",
        "numpy",
        "pandas",
        "rich",
        "ssl",
    ]
    assert imported("check", "consultancy", unwanted=unwanted) == "[]"


def test_check_imports_what_the_scenario_names() -> None:
    named = ["agentlab.judges.program", "agentlab.organization.protocols.board", "agentlab.tools.board"]
    assert imported("check", "software_sim", unwanted=named) == str(named)


def test_the_version_imports_no_command() -> None:
    unwanted = ["agentlab.scenario", "agentlab_cli.design", "msgspec", "pydantic", "rich", "yaml"]
    assert imported("--version", unwanted=unwanted) == "[]"


def test_the_help_imports_nothing_that_commands_need_later() -> None:
    unwanted = ["agentlab.scenario", "agentlab.runs", "msgspec", "pandas", "pydantic", "yaml"]
    assert imported("--help", unwanted=unwanted) == "[]"


def test_a_finished_run_typed_again_imports_no_numbers(tmp_path: Path) -> None:
    """Also not where a rubric was put before its anchor texts."""
    (tmp_path / "s.yaml").write_text(BASE.replace("{name: sim/replies}", SCORED), encoding="utf-8")
    again = ("run", str(tmp_path / "s.yaml"), "--out", str(tmp_path / "run"), "--quiet")
    imported(*again, unwanted=[])
    resampling = ["agentlab.experiment.resample", "agentlab.runs.transcript"]
    assert imported(*again, unwanted=["numpy", "pandas", "scipy", *resampling]) == "[]"


INTERRUPTED = """
import os, signal, sys

class Interrupting:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "typer":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what runs in the background
from agentlab_cli.main import main
sys.argv = ["agentlab", "list", "--quiet"]
main()
"""


def test_ctrl_c_while_a_command_is_imported_ends_it_with_a_sentence() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert done.stderr == "Stopped; everything committed is kept. To start again: agentlab list --quiet\n"


FIRST_LINE = """
import sys
from agentlab_cli.main import main

class Output:
    written = False

    def write(self, text):
        if text.strip() and not self.written:
            self.written = True
            print([name for name in {unwanted} if name in sys.modules], file=sys.stderr)
        return len(text)

    def flush(self):
        pass

sys.argv, sys.stdout = ["agentlab", *{words}], Output()
try:
    main()
finally:
    print([name for name in {unused} if name in sys.modules], file=sys.stderr)
"""


def test_the_first_line_of_stats_waits_for_nothing_that_only_later_lines_need(tmp_path: Path) -> None:
    """Nor for what plays a run, nor for what reads a scenario, a transcript or Parquet. No line waits for what fits a
    mixed model, since the run has too few tasks."""
    (tmp_path / "s.yaml").write_text(BASE.replace("{name: sim/replies}", SCORED), encoding="utf-8")
    imported("run", str(tmp_path / "s.yaml"), "--out", str(tmp_path / "run"), "--quiet", unwanted=[])
    unwanted = [
        "agentlab.analysis.generations.generations",
        "agentlab.answers",
        "agentlab.experiment.specs",
        "agentlab.judges.config",
        "agentlab.runs.transcript",
        "agentlab.scenario.condition",
        "agentlab.scenario.document",
        "agentlab.store.store",
        "asyncio",
        "pyarrow.dataset",
        "scipy.optimize",
        "scipy.stats",
        "yaml",
    ]
    unused = ["networkx", "statsmodels"]
    code = FIRST_LINE.format(words=["stats", str(tmp_path / "run")], unwanted=unwanted, unused=unused)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines() == ["[]", "[]"], done.stderr
