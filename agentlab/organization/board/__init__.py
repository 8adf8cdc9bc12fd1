"""What a team's board and its workspace are, as folds over the messages."""
