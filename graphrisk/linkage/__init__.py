"""Linkage: shared attributes become links between accounts, each priced in integer milli-nats with its evidence."""
