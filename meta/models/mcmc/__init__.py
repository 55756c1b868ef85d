"""What touches PyMC: models of more parameters than a grid can take, and checks of those a grid can."""
