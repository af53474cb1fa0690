"""Revision text: that a plan was changed while it ran, what for, and what of it was replaced by what."""

from __future__ import annotations

from rich.text import Text

from planrail.cli.text import clean, line, plural
from planrail.history import RevisionView

_LINES = 20  # of what is gone, and of what is new


def revision_text(revision: RevisionView) -> Text:
    """`replanned: sent: 2 is broken.`, and below it the lines that went and those that came."""
    word = f"by the fallback {line(revision.playbook)}" if revision.source == "fallback" else "replanned"
    because = "; ".join(line(surprise, 200) for surprise in revision.mended)
    text = Text.assemble(("↻ ", "yellow"), (word, "bold"), f": {because}" if because else "")
    text.append(f"  (revision {revision.revision})", "dim")
    for sign, statements, style in (("−", revision.removed, "dim strike"), ("+", revision.added, "green")):
        for statement in statements[:_LINES]:
            for number, part in enumerate(clean(statement).split("\n")):
                text.append(f"\n  {sign if number == 0 else ' '} ").append(part, style)
        if len(statements) > _LINES:
            text.append(f"\n  {sign} and {plural(len(statements) - _LINES, 'statement')} more", "dim")
    return text
