"""What a soak is made of: a steady load, harm at random, and what the processes take up meanwhile."""
