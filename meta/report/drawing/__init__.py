"""How figures are drawn: measured text, tables with a plot, marks, panels, files."""
