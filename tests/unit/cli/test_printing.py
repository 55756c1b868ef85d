"""What the terminal shows is what the text says."""

from __future__ import annotations

from meta.cli.printing import say, table


def test_a_name_between_colons_is_no_emoji_and_brackets_are_no_markup(capsys):
    say(":x: [bold]a[/bold] 12", "b" * 300)
    table(":x:", ["", "k"], [(":x:", "[red]3[/red]")])
    out = capsys.readouterr().out
    assert out.startswith(":x: [bold]a[/bold] 12\n" + "b" * 300 + "\n")
    assert out.count(":x:") == 3
    assert "[red]3[/red]" in out
