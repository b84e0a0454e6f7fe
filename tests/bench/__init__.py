"""The performance bench: a marketplace, the floor that any implementation stands on, the product timed against it."""
