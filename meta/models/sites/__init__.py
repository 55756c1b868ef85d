"""The model of sites and regions, and of unreported splits, by a sampler."""
