"""Synthetic marketplaces with planted rings, and the innocent sharing that makes rings hard to see."""
