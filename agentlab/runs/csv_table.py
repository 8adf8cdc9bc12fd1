"""A frame as a CSV file that spreadsheets open without harm."""

from pathlib import Path

import pandas as pd
from pandas.api.types import is_numeric_dtype

from agentlab.runs.spreadsheet import escape


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Writes `table` without its index; numbers stay numbers, text is escaped. Raises OSError."""
    shown = table.copy()
    for i, dtype in enumerate(table.dtypes):
        if not is_numeric_dtype(dtype):
            shown.isetitem(i, [escape(value) for value in table.iloc[:, i]])
    shown.columns = [escape(str(name)) for name in table.columns]
    shown.to_csv(path, index=False)
