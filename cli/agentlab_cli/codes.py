"""The exit codes that a command can end with, for its help."""

CODES = {
    0: "done",
    1: "a run is missing, or cannot be read or written",
    2: "a mistake in the scenario or the command",
    3: "the run folder does not match, or another process is using it",
    4: "stopped by the run's limit",
    130: "interrupted by Ctrl-C",
    143: "ended by SIGTERM",
    129: "ended by SIGHUP",
}
FAILED = "some rollouts failed (the same command retries them)"
"""What exit code 1 also means, where a command plays rollouts or asks judges."""
READS = (0, 1, 2, 3)
"""Of a command that reads a run."""
WRITES = (0, 1, 2)
"""Of a command that writes a file and reads no run."""
CHECKS = (0, 2)
"""Of a command that only reads a scenario."""
PLAYS = tuple(CODES)
"""Of a command that asks models."""


def codes(which: tuple[int, ...]) -> str:
    """The line at the end of a command's help."""
    meanings = {code: CODES[code] for code in which}
    if 4 in meanings:
        meanings[1] = f"{FAILED}, or {meanings[1]}"
    return "Exit codes: " + "; ".join(f"{code} {meaning}" for code, meaning in meanings.items()) + "."
