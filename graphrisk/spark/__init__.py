"""Linkage, components and the work on single components on a Spark cluster, giving the same bytes as one machine."""
