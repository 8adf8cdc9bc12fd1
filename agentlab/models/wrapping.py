"""What a model has in common with the model that it asks."""

from agentlab.interfaces import Model, close
from agentlab.types import Capabilities


class Wrapping:
    """A model that asks another one: it goes by that one's name and capabilities, and closes it.

    Its classes are dataclasses with slots, which declare `inner` as a field.
    """

    __slots__ = ()
    inner: Model

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def capabilities(self) -> Capabilities:
        return self.inner.capabilities

    async def aclose(self) -> None:
        await close(self.inner)
