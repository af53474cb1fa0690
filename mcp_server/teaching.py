"""Teaching: what a client's own model has to know to write a plan script; in under 400 tokens, which a test holds."""

from __future__ import annotations

PLAN_LANGUAGE = """\
Check and run a plan script that you write: a subset of Python, no loops, defs or imports. Costs no model on our side.
leads = crm.find_leads(city="Austin", limit=20)
good = [crm.score_lead(id=l.id) for l in leads.items if l.rating >= 4]   # a map: one call an item, in parallel
best = [s for s in good if s.score >= 70]                                # pure
expect(len(best) > 0, "no good lead")                                    # else stop before any effect
texts = [ask("One line about it.", lead=b, returns={"text": str}) for b in best]   # a cheap model, sees its inputs only
if len(texts) > 5:
    approve(f"save {len(texts)} notes")                                  # a person decides
saved = [crm.add_note(lead_id=b.id, text=t.text) for b, t in zip(best, texts)]
answer({"saved": len(saved)})                                            # every path ends with answer(x)
Tools: namespace.tool(arg=value), by name; options otherwise=, limit=, retry=. x.key reads a key. Names are assigned once.
Also: choose("which?", items), ask_user("?", returns=str), attempt(tool(…), default=None), pages(tool(…), limit=n), wait("10m"),
len sum min max sorted zip enumerate round str int float set only(xs) lines(text) number(text) re.findall f-strings.
Types after returns=: str int float bool [T] {"k": T} "a" | "b" T | None. Errors come back with line and column."""
