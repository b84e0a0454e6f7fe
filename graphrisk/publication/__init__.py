"""The guard: what came in since the live run, what it changed, which limits hold, and what speaks against publishing."""
