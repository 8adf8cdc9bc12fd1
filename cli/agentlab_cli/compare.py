"""placeholder"""


def compare() -> None:
    """x"""
