"""The HTTP API: ring membership and risk of given accounts, each answer from one published run."""
