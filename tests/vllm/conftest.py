"""These tests need vLLM; they are collected only where their files are named, as `make test-vllm` does."""

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentlab.models.engines.engine import Engine
from agentlab.models.engines.hosted import Engines
from tests.vllm.served import server_spec

collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One server for all tests that do not mind which it is; VLLM_BASE_URL has its address meanwhile."""
    engines = Engines(tmp_path_factory.mktemp("servers"))
    engine, loop = engines.engine_of(server_spec()), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def do(what: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(what, loop).result()

    try:
        do(engine.ready())
        os.environ["VLLM_BASE_URL"] = engine.url
        yield engine
    finally:
        os.environ.pop("VLLM_BASE_URL", None)
        do(engines.aclose())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here is of another process."""
    for item in items:
        if Path(str(item.fspath)).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.process)
