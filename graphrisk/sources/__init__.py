"""Sources: other people's files become facts: checked, normalised, tokenised rows, and rejected rows with a reason."""
