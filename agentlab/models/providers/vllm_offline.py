"""Models that vLLM answers in waves: all calls that wait go to the engine together, as one batch of `LLM.chat`.

The engine is a process that agentlab starts, in vLLM's own environment. `vllm-offline/NAME` names the weights, a folder
or a name on the Hugging Face Hub, unless `options: {weights: PLACE}` does; the options are those of `vllm/NAME`.
"""

from agentlab.interfaces import Model
from agentlab.models.providers import vllm
from agentlab.models.spec import ModelSpec


def build(spec: ModelSpec, started: str = "") -> Model:
    """`started` is the address of the process."""
    return vllm.build(spec, started=started)
