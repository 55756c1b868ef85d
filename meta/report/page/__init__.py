"""The report as one page, Markdown or JSON."""
