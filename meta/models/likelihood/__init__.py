"""Maximum likelihood of counts: binomial-normal and beta-binomial."""
