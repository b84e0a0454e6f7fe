"""Evaluation: how good the rings of a run are against known truth, against what is visible at all, and against rivals."""
