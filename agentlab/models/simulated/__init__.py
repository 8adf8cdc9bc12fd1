"""Models that need no weights: plausible replies, and policies whose truth is known."""
