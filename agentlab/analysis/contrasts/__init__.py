"""Arms of a run compared."""
