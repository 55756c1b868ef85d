"""What figures say of trials that are not in them."""

from __future__ import annotations

from dataclasses import replace

from meta.report.language.paragraphs import exclusions


def test_many_trials_with_one_reason_are_counted_and_few_are_named(entry_of):
    gone = replace(entry_of("A"), action="dropped", reason="the analysis asks for regimen monotherapy")
    many = [replace(gone, label=f"Trial {i}", file=f"trials/{i}.yaml") for i in range(4)]
    few = [replace(gone, label="B", reason="excluded by the analysis", file="trials/b.yaml", line=1)]
    (said,) = exclusions([*many, *few])
    assert said.text == (
        "4 trials or arms: the analysis asks for regimen monotherapy; "
        "B: excluded by the analysis (trials/b.yaml:1)."
    )
    assert exclusions([]) == []
