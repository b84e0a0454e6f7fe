"""The performance bench: a marketplace, the floor that any implementation stands on, the product timed against it."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy is there, as the command does
