"""Evidence: why accounts are tied, what holds an account in its ring, and what would free it. Values in, values out."""
