"""The trainers by their kind in `improve.by`. A new one takes a line here."""

from agentlab.registry import Registry
from agentlab.training.trainer import TrainerKind

TRAINERS = Registry[TrainerKind](
    __name__,
    {
        "command": "command:COMMAND",
        "dpo": "weights:DPO",
        "exemplars": "exemplars:EXEMPLARS",
        "sft": "weights:SFT",
        "shares": "shares:SHARES",
    },
)
