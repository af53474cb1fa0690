"""Articles: the knowledge base's full-text search, by the database itself: FTS5 in SQLite, tsvector in PostgreSQL.

An article matches that has any of the words, and those with more and rarer ones come first. Words are stems in both:
`resetting` finds `reset`. SQLite's index is kept by triggers, so that whoever writes the table need not know of it.
https://www.sqlite.org/fts5.html, https://www.postgresql.org/docs/current/textsearch-controls.html
"""

from __future__ import annotations

import re

from sqlalchemy import Connection, text

from packs.helpdesk.told import Article

_SHOWN = 400  # characters of an article's text
_WORDS = 32  # of a query
_WORD = re.compile(r"\w{2,}")
_STOP = frozenset((
    "the", "and", "for", "with", "you", "your", "is", "it", "my", "to", "of", "in", "on", "an", "do", "does", "how",
    "can", "not", "what", "we", "our", "me", "be", "have", "has", "had", "this", "that", "please", "hello", "hi", "am",
    "was",
))  # fmt: skip

_SQLITE = (
    "create virtual table if not exists helpdesk_article_words using fts5("
    "title, text, content='helpdesk_article', content_rowid='id', tokenize='porter unicode61')",
    "create trigger if not exists helpdesk_article_new after insert on helpdesk_article begin "
    "insert into helpdesk_article_words(rowid, title, text) values (new.id, new.title, new.text); end",
    "create trigger if not exists helpdesk_article_gone after delete on helpdesk_article begin "
    "insert into helpdesk_article_words(helpdesk_article_words, rowid, title, text) "
    "values ('delete', old.id, old.title, old.text); end",
    "create trigger if not exists helpdesk_article_other after update on helpdesk_article begin "
    "insert into helpdesk_article_words(helpdesk_article_words, rowid, title, text) "
    "values ('delete', old.id, old.title, old.text); "
    "insert into helpdesk_article_words(rowid, title, text) values (new.id, new.title, new.text); end",
    "insert into helpdesk_article_words(helpdesk_article_words) values ('rebuild')",
)
_POSTGRES = (
    "create index if not exists helpdesk_article_words on helpdesk_article "
    "using gin (to_tsvector('english', title || ' ' || text))",
)
_FIND_SQLITE = (
    "select a.id, a.title, a.text from helpdesk_article_words w join helpdesk_article a on a.id = w.rowid "
    "where helpdesk_article_words match :query order by bm25(helpdesk_article_words, 4.0, 1.0), a.id limit :most"
)
_FIND_POSTGRES = (
    "select id, title, text from helpdesk_article "
    "where to_tsvector('english', title || ' ' || text) @@ to_tsquery('english', :query) "
    "order by ts_rank(setweight(to_tsvector('english', title), 'A') || to_tsvector('english', text), "
    "to_tsquery('english', :query)) desc, id limit :most"
)


def make_index(connection: Connection) -> None:
    """Make the full-text index, unless it is there."""
    for statement in _POSTGRES if connection.dialect.name == "postgresql" else _SQLITE:
        connection.execute(text(statement))


def found(connection: Connection, query: str, most: int) -> list[Article]:
    """The articles that match best; whatever stands in the query, its words are looked for and nothing else."""
    words = [w for w in dict.fromkeys(w.lower() for w in _WORD.findall(query)) if w not in _STOP][:_WORDS]
    if not words:
        return []
    if connection.dialect.name == "postgresql":
        rows = connection.execute(text(_FIND_POSTGRES), {"query": " | ".join(f"'{w}'" for w in words), "most": most})
    else:
        rows = connection.execute(text(_FIND_SQLITE), {"query": " OR ".join(f'"{w}"' for w in words), "most": most})
    return [Article(id=row.id, title=row.title, text=row.text[:_SHOWN]) for row in rows]
