"""The command line: one module a group of commands; the only place that prints or exits."""
