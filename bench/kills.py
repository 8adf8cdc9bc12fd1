"""What a kill costs: a run with judges, and forks of it, killed as `kill -9` does in every phase.

    python bench/kills.py [--each N]

Prints JSON: kills by phase (opening the folder, anchors, rollouts, judging, forks), whether the frames are those of an
undisturbed run, the requests that a loopback server got beyond those of that run, the requests in flight (sent and
not committed) at the kills, in all and at most, and the requests whose answer had been stored before.
"""

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support.command import Commands
from tests.support.kills import killed_in_every_phase
from tests.support.loopback import Loopback, slow


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--each", type=int, default=4, help="kills in each of the five phases")
    each = parser.parse_args().each
    with tempfile.TemporaryDirectory() as folder, Commands(Path(folder)) as commands, Loopback(slow) as server:
        os.chdir(folder)
        kills = killed_in_every_phase(commands, server, Path(folder) / "copy", each, draws=10)
    print(json.dumps({"kills": sum(kills.by_phase.values()), **asdict(kills)}))


if __name__ == "__main__":
    main()
