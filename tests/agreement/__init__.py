"""The same spans through every way in, and what each of them says that they add up to."""
