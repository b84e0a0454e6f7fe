"""Worlds by a third hand, on which detection is trained and judged beside the product's own and another hand's."""
