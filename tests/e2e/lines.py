"""From a number in a run to its line in a record."""

from __future__ import annotations

import re

import yaml


def assert_followed(run, root):
    """Every count of every fit stands in the line of a record below `root` that the ledger names."""
    for fit in run.fits:
        # all trials of a fit by groups: of each only the patients in the groups, where these are followed
        for part, group in [(group, group.label) for group in fit.groups] or [(fit, None)]:
            by = fit.by if group is not None else None
            for trial in part.trials:
                entries = [
                    entry
                    for entry in run.ledger
                    if entry.action == "used"
                    and (entry.label, entry.by, entry.group) == (trial.label, by, group)
                ]
                assert entries, (trial.label, by, group)
                rows = [row_at(root / entry.file, entry.line) for entry in entries]
                assert sum(row["responders"] for row in rows) == trial.responders
                assert sum(row["n"] for row in rows) == trial.n
                assert all(entry.where for entry in entries)


def row_at(path, line):
    """The row of a table that begins in this line, read from the text there and nothing else."""
    lines = path.read_text(encoding="utf-8").splitlines()[line - 1 :]
    assert lines[0].lstrip().startswith("- "), lines[0]
    indent = len(lines[0]) - len(lines[0].lstrip())
    row = [lines[0]]
    for text in lines[1:]:
        if text.strip() and len(text) - len(text.lstrip()) <= indent:
            break
        row.append(text)
    (data,) = yaml.safe_load("\n".join(row))
    return data


def assert_shown(record, said):
    """Every number that `show` says of a trial leads to its row in the record."""
    text = record.read_text(encoding="utf-8").splitlines()
    place = re.escape(f"trials/{record.name}")
    found = re.findall(rf"^    {place}:(\d+)  (.+)$", said, re.MULTILINE)
    for number, words in found:
        line = text[int(number) - 1]
        assert line.lstrip().startswith("- "), (number, line)
        counts = re.search(r": (\d+)/(\d+) = ", words)
        if counts and re.search(r"\bn: \d", line):
            assert f"n: {counts[2]}" in line, (number, words)
            assert re.search(rf"(responders|events): {counts[1]}\b", line), (number, words)
    return found
