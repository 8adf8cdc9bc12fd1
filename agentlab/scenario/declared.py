"""A contrast as a scenario declares it, and as a run records it."""

from collections.abc import Mapping

from msgspec import Struct

Same = tuple[str, frozenset[str], str, str]


class Declared(Struct, frozen=True):
    """One measure compared between two levels of a factor in one cell of the others, by the name it was given."""

    name: str
    factor: str
    a: str
    b: str
    others: Mapping[str, str]
    """The levels of the other factors, in the order of the factors."""
    measure: str
    margin: float | None = None
    """The difference that would not matter, in the measure's units; None where equivalence is not asked."""

    @property
    def within(self) -> str:
        """The other factors' levels as `factor=level`, joined by commas."""
        return ",".join(f"{factor}={level}" for factor, level in self.others.items())

    @property
    def same(self) -> Same:
        """Equal for two that compare the same, either way round."""
        return self.factor, frozenset((self.a, self.b)), self.within, self.measure
