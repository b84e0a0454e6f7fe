"""What if: an account with given attributes, as if it had been in the run; computed beside it, writing nothing."""
