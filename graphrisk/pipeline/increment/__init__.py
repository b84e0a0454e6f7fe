"""A run from the live one: only what the facts since then may have changed is computed again, and the rest is kept as it is."""
