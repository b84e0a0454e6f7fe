"""Runs: a run's immutable folder, the pointer to the published one, and the reader."""
