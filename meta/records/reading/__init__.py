"""YAML and CSV to records, with every fault of every file at once."""
