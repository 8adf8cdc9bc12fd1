"""Which turn decided a rollout of the quickstart? Forks it at every turn on the embedded model, and prints the path.

Types the commands of the README in an empty folder; `--write docs` draws the path into docs/decided.svg.
"""

import os
import sys

if (HERE := os.path.dirname(os.path.abspath(__file__))) in sys.path:
    sys.path.remove(HERE)  # else the standard library's `import http` finds the bench of that name
    sys.path.insert(0, os.path.dirname(HERE))

import argparse
import subprocess
import tempfile
from pathlib import Path

import agentlab
from agentlab.analysis.forks.path import path
from agentlab.report.path import draw
from agentlab.report.style import svg

AGENTLAB = str(Path(sys.executable).with_name("agentlab"))
ONE = "task=cafe_seats,team=firm,draw=1"
COMMANDS = (
    "agentlab run quickstart --only team=firm",
    f"agentlab resample runs/quickstart --rollout {ONE} --every-round -n 12",
    f"agentlab stats runs/quickstart path {ONE} --measure correct",
)


def main() -> None:
    """Types the commands, and draws what they found if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FOLDER")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for command in COMMANDS:
            print(f"$ {command}", flush=True)
            subprocess.run([AGENTLAB, *command.split()[1:]], cwd=folder, check=True)
        if given.write:
            section = path(agentlab.load(Path(folder) / "runs" / "quickstart"), ONE, "correct")
            picture = svg("decided", section.title, lambda: draw(section.tables["path"]))
            (given.write / "decided.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
