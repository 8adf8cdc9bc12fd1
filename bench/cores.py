"""What the cores of this machine do, read from /proc, and what they get done at once."""

import json
import multiprocessing
import os
import time
from pathlib import Path
from statistics import median

TIMES = 9
TEXT = "What should the client do next? " * 20


def cpu(pid: int) -> float:
    """Processor seconds of a process so far, to the hundredth."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def busy() -> float:
    """Processor seconds that all programs of the machine have used so far."""
    user, nice, system, _, _, *more = Path("/proc/stat").read_text().split(maxsplit=9)[1:9]
    return sum(map(int, (user, nice, system, *more))) / os.sysconf("SC_CLK_TCK")


def read_json(times: int) -> None:
    """Work that needs nothing but a core and its memory."""
    for _ in range(times):
        json.loads(json.dumps({"text": TEXT, "rows": list(range(200))}))


def machine_ratio(processes: int) -> float:
    """How much more so many processes get done at once than one alone."""

    def seconds(many: int) -> float:
        began = time.perf_counter()
        pool.map(read_json, [1000] * many, chunksize=1)
        return time.perf_counter() - began

    with multiprocessing.Pool(processes) as pool:
        seconds(processes)  # the first starts the processes
        return round(median(processes * seconds(1) / seconds(processes) for _ in range(TIMES)), 3)
