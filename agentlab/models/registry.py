"""The providers by name, and what can be said of a model from its name alone: no SDK is imported to say it."""

import difflib
import importlib
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field

from agentlab import own_code
from agentlab.errors import ScenarioError
from agentlab.models import capabilities as families
from agentlab.models import local_servers, weights
from agentlab.models.engines import plan
from agentlab.models.spec import SAMPLING, ModelSpec
from agentlab.types import Capabilities, Settings


class Provider(Struct, frozen=True):
    """How the models of a provider are found and built."""

    module: str
    """Imported when a model is built; its `build(spec)` returns a model, which may have `aclose()`."""
    capabilities: Callable[[str], Capabilities]
    mistakes: Callable[[str, Settings], list[tuple[str, str]]] = families.no_mistakes
    fields: frozenset[str] | None = None
    """Fields of a request that are sent anyway, which a `body` may not hold; None where there is no body to add to."""
    free: bool = False
    """Whether its calls cost nothing."""
    direct: bool = False
    """Whether calls go straight through, without limits, time-outs and retries."""
    names: tuple[str, ...] = ()
    """All its models, where there are only these, those of one's own, `provider/my_module:Name`, and `files`."""
    files: str = ""
    """The ending of a file that may be named too, such as `.gguf`."""
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """What `options` may hold, by name; `*` is every other name. What it does not name takes none."""
    url: str = ""
    """Its own address, where a spec names none."""
    key: str = ""
    """The environment variable that holds the key for `url`, where a spec names none."""
    address: str = ""
    """The environment variable that holds the address, where a spec names none and the provider has none of its own."""
    pure: bool = False
    """Whether to build one is free and touches nothing, so that a check of the scenario can try it."""
    lacking: Callable[[str], str] | None = None
    """What this machine lacks to run the model of a name; empty where nothing is missing."""
    sends: bool = False
    """Whether its calls are requests to a server that is there, which may leave from other processes."""
    probed: bool = False
    """Whether one's own machine computes, so that it is asked whether replies depend on the batch they are in."""


PROVIDERS: Mapping[str, Provider] = {
    "anthropic": Provider(
        "agentlab.models.providers.anthropic",
        families.anthropic,
        families.claude_mistakes,
        families.CLAUDE_FIELDS,
        url="https://api.anthropic.com",
        key="ANTHROPIC_API_KEY",
        sends=True,
    ),
    "openai": Provider(
        "agentlab.models.providers.openai",
        families.openai,
        families.openai_mistakes,
        families.CHAT_FIELDS,
        url="https://api.openai.com/v1",
        key="OPENAI_API_KEY",
        sends=True,
    ),
    "vllm": Provider(
        "agentlab.models.providers.vllm",
        families.vllm,
        fields=families.CHAT_FIELDS,
        address="VLLM_BASE_URL",
        options={"*": plan.OPTIONS},
        sends=True,
        probed=True,
    ),
    plan.OFFLINE: Provider(
        "agentlab.models.providers.vllm_offline",
        families.vllm_offline,
        fields=families.CHAT_FIELDS,
        options={"*": plan.OPTIONS},
        lacking=plan.lacking,
        probed=True,
    ),
    "local": Provider(
        "agentlab.models.providers.local",
        families.local,
        fields=families.CHAT_FIELDS,
        free=True,
        names=(weights.EMBEDDED,),
        files=".gguf",
        options={"*": local_servers.OPTIONS},
        lacking=weights.lacking,
        probed=True,
    ),
    "sim": Provider(
        "agentlab.models.simulated.sim",
        families.simulated,
        free=True,
        direct=True,
        pure=True,
        names=("replies", "chatter"),
        options={"replies": ("replies", "calls", "scores", "seconds"), "chatter": ("seconds",)},
    ),
    "replay": Provider("agentlab.models.providers.replay", families.everything, free=True, direct=True),
}


def is_own(name: str) -> bool:
    """Whether the name is `my_module:Name`."""
    return ":" in name and "/" not in name.partition(":")[0]


def split(name: str) -> tuple[str, str]:
    """Provider and the provider's own name; one's own model has the provider `own`."""
    if is_own(name):
        return "own", name
    provider, _, rest = name.partition("/")
    return provider, rest


def check_name(name: str) -> str | None:
    """What is wrong with a model's name and what would be right, or None. A module of one's own is not imported."""
    if is_own(name):
        parts = name.split(":")
        fine = len(parts) == 2 and parts[1].isidentifier() and all(map(str.isidentifier, parts[0].split(".")))
        return None if fine else f"model {name!r} is neither provider/name nor my_module:Name"
    provider, rest = split(name)
    if provider not in PROVIDERS:
        near = difflib.get_close_matches(provider, PROVIDERS, n=1, cutoff=0.5)
        guess = f"; did you mean {near[0]}/{rest or '…'}?" if near else "."
        known = ", ".join(f"{provider}/…" for provider in PROVIDERS)
        return f"unknown provider {provider!r} in model {name!r}{guess} Known: {known}, and my_module:Name"
    if not rest:
        return f"model {name!r} has no name after the provider; write it as in {provider}/NAME"
    names, files = PROVIDERS[provider].names, PROVIDERS[provider].files
    named_file = bool(files) and rest.endswith(files)
    if names and rest not in names and not named_file and not is_own(rest):
        near = difflib.get_close_matches(rest, names, n=1, cutoff=0.4)
        known = [*names, f"PATH{files}"] if files else names
        guess = f"; did you mean {provider}/{near[0]}?" if near else "."
        return (
            f"unknown model {name!r}{guess} Known are {', '.join(f'{provider}/{known_name}' for known_name in known)}"
        )
    return None


def options_of(name: str) -> tuple[str, ...] | None:
    """What a model's `options` may hold; None for one's own, whose class says."""
    provider, rest = split(name)
    if provider == "own" or is_own(rest):
        return None
    known = PROVIDERS[provider].options
    return known.get(rest, known.get("*", ()))


def options_mistake(spec: ModelSpec) -> str:
    """What is wrong with the `options` of a model that can be built without being asked; empty where nothing is."""
    provider, _ = split(spec.name)
    if plan.is_started(spec):
        return plan.mistake(spec)
    if provider == "own" or not PROVIDERS[provider].pure or not spec.options:
        return ""
    try:
        importlib.import_module(PROVIDERS[provider].module).build(spec)
    except ScenarioError as error:
        return str(error)
    return ""


def capabilities_of(spec: ModelSpec) -> Capabilities:
    """What the model takes, with the scenario's overrides. Raises ScenarioError for an unknown name."""
    if wrong := check_name(spec.name):
        raise ScenarioError(wrong)
    provider, rest = split(spec.name)
    # what is not there is known before anything is sent
    own_code_decides = provider == "own" or (provider == "sim" and is_own(rest))
    base = _own_capabilities(rest) if own_code_decides else PROVIDERS[provider].capabilities(rest)
    return spec.capabilities.apply(base) if spec.capabilities else base


def mistakes_of(spec: ModelSpec, settings: Settings | None = None) -> list[tuple[str, str]]:
    """Settings that the model does not take, as (setting, what would be right); those of the spec by default."""
    checked = spec.settings() if settings is None else settings
    capabilities = capabilities_of(spec)
    mistakes = refused(spec.name, checked, capabilities)
    provider, rest = split(spec.name)
    # An override of `settings` says that the scenario's author knows this model better than the table does.
    if provider != "own" and not (spec.capabilities and spec.capabilities.settings is not None):
        named = {setting for setting, _ in mistakes}
        mistakes += [mistake for mistake in PROVIDERS[provider].mistakes(rest, checked) if mistake[0] not in named]
    return mistakes


def body_mistakes(spec: ModelSpec) -> list[tuple[tuple[str, ...], str, str]]:
    """Fields of its `body` that cannot be sent, as (path below `body`, what was found, what would be right)."""
    provider, _ = split(spec.name)
    sent = PROVIDERS[provider].fields if provider in PROVIDERS else None
    if sent is None:
        right = "leave out `body`; it is only for models behind an API"
        return (
            [((), f"{spec.name} does not send requests, so nothing can be added to a request body", right)]
            if spec.body
            else []
        )
    return [
        (
            (field,),
            f"agentlab sends {field!r} itself",
            f"write `{field}:` beside `name`" if field in SAMPLING else f"remove {field!r} from `body`",
        )
        for field in spec.body
        if field in sent
    ]


def processes_mistake(spec: ModelSpec) -> str:
    """What is wrong with its `processes`; empty where nothing is."""
    provider, _ = split(spec.name)
    if spec.processes is None or (provider in PROVIDERS and PROVIDERS[provider].sends):
        return ""
    return f"{spec.name} sends no requests that other processes could send; remove `processes`"


def refused(name: str, settings: Settings, taken: Capabilities) -> list[tuple[str, str]]:
    """Settings outside of a model's capabilities, as (setting, what would be right)."""
    fields = [field for field in Settings.__slots__ if getattr(settings, field) is not None]
    does = ", ".join(sorted(taken.settings)) or "none"
    mistakes = [(f, f"{name} does not support {f}; it supports {does}") for f in fields if f not in taken.settings]
    if "logprobs" in taken.settings and (settings.logprobs or 0) > taken.max_logprobs:
        mistakes.append(("logprobs", f"{name} returns at most {taken.max_logprobs} alternatives"))
    return mistakes


def own_object(name: str) -> Any:
    """What `my_module:Name` names, in a module of one's own. Raises ScenarioError."""
    try:
        return own_code.get(name)
    except ValueError as error:
        raise ScenarioError(f"model {name!r}: {error}") from error


def _own_capabilities(name: str) -> Capabilities:
    """As its class declares them; nothing is built to be asked."""
    declared = getattr(own_object(name), "capabilities", None)
    return declared if isinstance(declared, Capabilities) else families.EVERYTHING
