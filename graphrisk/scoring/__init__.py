"""Scoring: ring and account risk by a monotone linear model whose integer reasons add up to the score's logit."""
