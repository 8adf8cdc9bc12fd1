"""Numbers with their nouns, as sentences have them."""


def counted(number: int, noun: str, several: str | None = None) -> str:
    """`1 task`, `2 tasks`, `1,000 rollouts`; `several` is the plural where it takes more than an s."""
    return f"{number:,} {noun if number == 1 else several or f'{noun}s'}"


def spanned(low: int, high: int, noun: str) -> str:
    """`12 tasks`, or `10 to 12 tasks` where the ends differ."""
    return counted(high, noun) if low == high else f"{low:,} to {counted(high, noun)}"
