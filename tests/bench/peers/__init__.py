"""What a user would pick instead of graphrisk, on the same sightings: each peer a process of its own."""
