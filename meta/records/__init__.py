"""What is on disk: trials, analyses and runs, and how they are read, checked and stored."""
