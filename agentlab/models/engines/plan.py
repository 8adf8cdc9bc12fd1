"""What is to be started for a model, as its options say: the weights, adapters by name, and vLLM's flags."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from msgspec import Struct

from agentlab.errors import ScenarioError
from agentlab.models.engines import environment
from agentlab.models.spec import ModelSpec
from agentlab.models.weights import adapter_of, sha256

OPTIONS = ("weights", "adapter", "adapter_sha256", "flags")
OFFLINE = "vllm-offline"
SERVER = ("-m", "vllm.entrypoints.openai.api_server")
WAVES = str(Path(__file__).parents[2] / "processes" / "vllm_waves.py")
OURS = frozenset(
    "model host port uds served-model-name enable-lora lora-modules max-lora-rank api-key ssl-keyfile config "
    "root-path disable-fastapi-docs".split()
)
"""Flags that agentlab sets itself, or that would make the server one that it cannot reach."""
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""The values that vLLM takes for the highest rank of an adapter."""


class EnginePlan(Struct, frozen=True):
    """One process with one set of weights. Models that differ in their adapters and settings alone share it."""

    kind: str
    """The provider: `vllm` is vLLM's own server, `vllm-offline` answers in waves."""
    name: str
    """What the server calls the weights."""
    weights: str
    flags: tuple[str, ...]
    """As words of a command line, those of the machine last."""

    @property
    def offline(self) -> bool:
        return self.kind == OFFLINE

    def command(self, python: Path, port: int, adapters: Mapping[str, Path]) -> list[str]:
        """Starts it on a port of the loopback interface. `adapters` are folders by the name they are served under."""
        program = (WAVES,) if self.offline else SERVER
        words = [str(python), *program, "--model", self.weights, "--served-model-name", self.name]
        words += ["--host", "127.0.0.1", "--port", str(port), *self.flags]
        if adapters:
            rank = next((most for most in RANKS if most >= max(map(rank_of, adapters.values()))), RANKS[-1])
            # One place more than adapters: in a batch with both, vLLM's CPU kernels give a request without an adapter
            # what lies in the last place. Left empty, it changes nothing.
            words += ["--enable-lora", "--max-lora-rank", str(rank), "--max-loras", str(len(adapters) + 1)]
            words += ["--lora-modules"]
            words += [json.dumps({"name": name, "path": str(path)}) for name, path in adapters.items()]
        return words


def is_started(spec: ModelSpec) -> bool:
    """Whether agentlab starts what answers this model; one with an address is on a server already."""
    provider = spec.name.partition("/")[0]
    return spec.base_url is None and (provider == OFFLINE or (provider == "vllm" and "weights" in spec.options))


def plan_of(spec: ModelSpec) -> EnginePlan:
    """Raises ScenarioError for options that are wrong."""
    if wrong := mistake(spec):
        raise ScenarioError(f"{spec.name}: {wrong}")
    provider, _, name = spec.name.partition("/")
    weights = str(spec.options.get("weights", name))
    path = Path(weights).expanduser()
    if path.exists():
        weights = str(path.absolute())
    flags = (*_words(spec.options.get("flags", {})), *environment.flags())
    return EnginePlan(provider, name, weights, flags)


def adapter_name(spec: ModelSpec) -> tuple[str, Path] | None:
    """What an adapter is served as, with its folder. The name has its content in it, and is never used for another:
    a server that gets other weights under an old name may answer from what it had cached.

    Raises ScenarioError where there is no adapter in the folder, MismatchError for another than was pinned.
    """
    path = adapter_of(spec.options, folder=True)
    if path is None:
        return None
    rank_of(path)
    return f"{spec.name.partition('/')[2]}-{sha256(path)[:16]}", path.absolute()


def mistake(spec: ModelSpec) -> str:
    """What is wrong with the options, and what would be right; empty where nothing is."""
    flags: Any = spec.options.get("flags", {})
    if not isinstance(flags, Mapping):
        return f"options.flags is {flags!r}; write flags of vLLM with their values, such as {{max-model-len: 4096}}"
    weights: Any = spec.options.get("weights", "")
    if not isinstance(weights, str) or ("weights" in spec.options and not weights):
        return f"options.weights is {weights!r}; write a folder of weights or a name on the Hugging Face Hub"
    if weights.startswith((".", "/", "~")) and not Path(weights).expanduser().exists():
        return f"options.weights: {weights} not found; write a folder of weights or a name on the Hugging Face Hub"
    for flag in map(str, cast("Mapping[object, object]", flags)):
        plain = flag.lstrip("-").replace("_", "-")
        if plain in OURS:
            return f"options.flags.{flag}: agentlab sets this flag itself; leave it out"
    return ""


def lacking(name: str) -> str:
    """What this machine lacks to start vLLM, whatever the model; empty where nothing is missing."""
    try:
        environment.python()
    except ScenarioError as error:
        return str(error)
    return ""


def rank_of(adapter: Path) -> int:
    """Of a LoRA adapter as PEFT writes it. Raises ScenarioError for a folder that holds none."""
    try:
        config: Any = json.loads((adapter / "adapter_config.json").read_bytes())
        return int(config["r"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ScenarioError(
            f"options.adapter: {adapter} holds no LoRA adapter ({type(error).__name__}: adapter_config.json); write "
            f"the folder that PEFT saved it to"
        ) from error


def _words(flags: Mapping[object, object]) -> Iterable[str]:
    """A value of `true` is the flag alone, `false` its opposite; lists are several values, mappings are JSON."""
    for name, value in flags.items():
        plain = str(name).lstrip("-").replace("_", "-")
        if isinstance(value, bool):
            yield f"--{plain}" if value else f"--no-{plain}"
            continue
        yield f"--{plain}"
        listed: Sequence[object] = cast("Sequence[object]", value) if isinstance(value, list | tuple) else (value,)
        yield from (json.dumps(item) if isinstance(item, Mapping) else str(item) for item in listed)
