"""One module per provider; each imports its SDK and nobody else does."""
