"""From records to runs: select the counts, expand the variations, execute the fits."""
