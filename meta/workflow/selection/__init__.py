"""From trials and an analysis to counts, with a ledger of what became of every row."""
