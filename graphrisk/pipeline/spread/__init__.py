"""A run computed on a Spark cluster: what the driver does, and what is done for each bucket of components."""
