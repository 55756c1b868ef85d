"""Which figures there are, and how each is drawn."""
