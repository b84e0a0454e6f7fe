"""Rings: communities that meet the ring criteria, with roles, a permanent id and lineage."""
