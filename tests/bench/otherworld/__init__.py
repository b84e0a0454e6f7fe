"""Worlds by another hand, on which detection is measured beside the product's own."""
