"""The `agentlab` command: parses options, calls the package, prints. No logic of its own."""

import atexit
import gc

gc.set_threshold(50_000)  # imports make long-lived objects: searching them for garbage took a sixth of `check`
atexit.register(gc.freeze)  # else Python searches them once more as it ends, which took a seventh
