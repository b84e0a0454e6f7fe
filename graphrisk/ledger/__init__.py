"""Ledger: every fact ever accepted, load by load, in Delta Lake tables; a load exists when its row in ``loads`` does."""
