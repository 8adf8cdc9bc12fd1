"""Judge diagnostics of a run."""
