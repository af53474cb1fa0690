"""The pack `listings`: a feed with errors in it becomes rows of a table, and what does not is told with its reason."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, func, select

from executor.artifacts import MemoryArtifacts
from executor.call import call_tool, probe_tool
from executor.pack import PackHost
from executor.tool import ToolContext, ToolDone, ToolFailed, ToolResult
from executor.toolset import Toolset
from packs.listings import pack, tables
from packs.listings.csv_feed import CsvFeed
from packs.listings.data.make_feed import SAMPLE_ROWS, Feed, make_feed, make_json
from packs.listings.feed_text import Line, mended
from packs.listings.gazetteer import city_of
from packs.listings.inbox import SAMPLES
from packs.listings.json_feed import json_records
from packs.listings.listing import Accepted, Record
from packs.listings.normalise import normalise
from packs.listings.values import day, money, square_metres
from planner.playbook import read_playbook

HEADER = "Ref;Type;Deal;Address;Postcode;City;Price;Area\n"
FEEDS = {
    "semicolons and a mark": lambda: make_feed(400, 1),
    "commas, CRLF, cut off": lambda: make_feed(400, 2, delimiter=",", encoding="utf-8", newline="\r\n", cut=True),
    "tabs in UTF-16": lambda: make_feed(400, 3, delimiter="\t", encoding="utf-16"),
    "a JSON list": lambda: make_json(400, 4),
    "JSON lines": lambda: make_json(400, 5, lines=True),
}
A_ROW = {
    "reference": "R-1", "kind": "flat", "deal": "sale", "street": "Elm 1", "postcode": "10115", "city": "Berlin",
    "price": "450k", "area": "80",
}  # fmt: skip


class Desk:
    """The pack's tools over a database, called as a plan calls them; artifacts in memory, the inbox in a folder."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.inbox, self.artifacts = engine, folder / "listings", MemoryArtifacts()
        self.tools: Toolset = pack(PackHost(engine, folder)).tools
        self.inbox.mkdir(exist_ok=True)

    async def call(self, name: str, /, *, key: str = "k", **arguments: Any) -> ToolResult:
        return await call_tool(self.tools[f"listings.{name}"], arguments, ToolContext(key=key, artifacts=self.artifacts))

    async def done(self, name: str, /, *, key: str = "k", **arguments: Any) -> Any:
        result = await self.call(name, key=key, **arguments)
        assert isinstance(result, ToolDone), result
        return result.value

    async def failure(self, name: str, /, *, key: str = "k", **arguments: Any) -> tuple[str, str]:
        result = await self.call(name, key=key, **arguments)
        assert isinstance(result, ToolFailed), result
        return result.kind, result.message

    async def imports(self, content: bytes, word: str = "1", *, source: str = "feed", rows_per_chunk: int = 60) -> Any:
        """What the playbook does, and its report."""
        (self.inbox / "f.csv").write_bytes(content)
        staged = await self.done("stage", file="f.csv", rows_per_chunk=rows_per_chunk)
        chunks = [(await self.done("check", chunk=c))["rows"] for c in staged["chunks"]]
        found = (await self.done("deduplicate", source=source, chunks=chunks))["found"]
        saved = [
            await self.done("upsert", key=f"{word}-{n}", source=source, rows=c, without=found) for n, c in enumerate(chunks)
        ]
        return await self.done(
            "report", key=f"{word}-report", source=source, file="f.csv", sha256=staged["sha256"], chunks=chunks,
            duplicates=found, saved=saved,
        )  # fmt: skip

    def rejects(self, report: Any) -> list[dict[str, str]]:
        content = self.artifacts.get(report["rejects"]["$artifact"]).decode()
        return list(csv.DictReader(io.StringIO(content, newline="")))

    def rows(self) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(select(tables.listing).order_by(tables.listing.c.reference)))


@pytest.fixture(params=["sqlite", "postgres"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    if request.param == "sqlite":
        engine = create_engine(f"sqlite:///{tmp_path}/planrail.db")
    else:
        engine = create_engine(request.getfixturevalue("postgres_url").replace("postgresql:", "postgresql+psycopg:"))
    yield Desk(engine, tmp_path)
    engine.dispose()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Desk]:
    engine = create_engine(f"sqlite:///{tmp_path}/planrail.db")
    yield Desk(engine, tmp_path)
    engine.dispose()


def row(**cells: str) -> Any:
    return normalise(Record(1, {**A_ROW, **cells}))


def line(reference: str, *, street: str = "Elm 1", price: str = "450000", kind: str = "flat") -> str:
    return f"{reference};{kind};sale;{street};10115;Berlin;{price};80\n"


# ── the whole way


def test_the_sample_is_what_its_script_makes() -> None:
    assert (SAMPLES / "sample.csv").read_bytes() == make_feed(SAMPLE_ROWS).content


def test_what_the_specialist_is_handed_are_parameters_of_its_playbook(tmp_path: Path) -> None:
    made = pack(PackHost(create_engine("sqlite://"), tmp_path))
    assert made.specialist is not None
    assert made.playbooks is not None
    types = {p.name: p.type for p in read_playbook(made.playbooks / "import_listings.plan").parameters}
    assert made.specialist.takes.items() <= types.items()


@pytest.mark.parametrize("made", FEEDS.values(), ids=FEEDS)
async def test_of_each_row_becomes_what_has_to_become_of_it(small: Desk, made: Any) -> None:
    feed: Feed = made()
    report = await small.imports(feed.content)
    assert (report["rows"], report["inserted"]) == (feed.rows, feed.listings)
    assert report["rejected"] == dict(feed.rejected)
    assert report["duplicates"] == dict(feed.duplicates)
    assert report["repaired"] == dict(+feed.repaired)
    assert len(small.rows()) == feed.listings
    assert {r["reason"] for r in small.rejects(report)} == {*feed.rejected, *feed.duplicates}
    assert len(small.rejects(report)) == feed.rows - feed.listings


async def test_a_feed_that_comes_again_changes_what_has_changed_and_nothing_else(desk: Desk) -> None:
    first = make_feed(300, 7)
    await desk.imports(first.content, "1")
    again = await desk.imports(first.content, "2")
    assert (again["inserted"], again["updated"], again["unchanged"]) == (0, 0, first.listings)
    assert {row.revision for row in desk.rows()} == {1}
    changed = await desk.imports(first.content.replace(b"Berlin;3", b"Berlin;4"), "3")
    assert changed["updated"] > 0
    assert sum(row.revision - 1 for row in desk.rows()) == changed["updated"]


async def test_a_property_that_was_imported_under_another_reference_is_a_duplicate_of_it(desk: Desk) -> None:
    await desk.imports((HEADER + line("A-1", street="Lange Straße 5")).encode(), "1")
    report = await desk.imports((HEADER + line("B-1", street="LANGE STR. 5") + line("B-2")).encode(), "2")
    assert (report["inserted"], report["duplicates"]) == (1, {"known_property": 1})
    assert desk.rejects(report)[0]["row"].startswith("A-1: ")
    other = await desk.imports((HEADER + line("C-1", street="Lange Str. 5")).encode(), "3", source="another agency")
    assert (other["inserted"], other["duplicates"]) == (1, {})


async def test_what_a_spreadsheet_would_run_is_harmless_in_the_file_of_rejects(small: Desk) -> None:
    cells = ["=1+1", "+2;|", "@x", "-3|!", "\t=4", "\r=5"]
    content = HEADER + "".join(line(f"R-{n}", price=f'"{cell}"') for n, cell in enumerate(cells))
    report = await small.imports((content + line("R-9")).encode())
    assert sum(report["rejected"].values()) == 6
    rejected = small.rejects(report)
    assert [r["value"] for r in rejected] == [f"'{cell}" for cell in cells]
    assert all(not value.startswith(("=", "+", "-", "@", "\t", "\r")) for r in rejected for value in r.values())


async def test_an_import_stands_in_the_database_with_its_numbers(small: Desk) -> None:
    feed = make_feed(100, 9)
    report = await small.imports(feed.content)
    with small.engine.connect() as connection:
        (stored,) = connection.execute(select(tables.imported))
    assert (stored.id, stored.source, stored.rejects) == (report["id"], "feed", report["rejects"]["$artifact"])
    assert f'"rows":{feed.rows}' in stored.tally


async def test_listings_are_found_the_cheapest_first(small: Desk) -> None:
    await small.imports((HEADER + line("A", price="500k") + line("B", street="Elm 2", price="450000")).encode())
    found = await small.done("find", city="berlin", deal="sale", max_price=480_000)
    assert [(o["reference"], o["price"], o["area_m2"]) for o in found["items"]] == [("B", 450_000, 80)]


# ── effects


async def test_the_same_key_twice_is_one_effect_with_one_result(desk: Desk) -> None:
    await desk.imports((HEADER + line("A")).encode(), "1")
    (before,) = desk.rows()
    again = await desk.imports((HEADER + line("A", price="1")).encode(), "1")
    assert (again["inserted"], desk.rows()) == (1, [before])
    assert [await probe_tool(desk.tools["listings.upsert"], key) for key in ("1-0", "2-0")] == [True, False]
    with desk.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(tables.imported)).scalar_one() == 1


async def test_a_batch_is_saved_whole_or_not_at_all(small: Desk) -> None:
    await small.imports((HEADER + line("A")).encode(), "1")
    with small.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON listings_listing WHEN NEW.reference = 'Y' BEGIN SELECT RAISE(FAIL, 'no'); END"
        )
    with pytest.raises(AssertionError):
        await small.imports((HEADER + line("X", street="Elm 2") + line("Y", street="Elm 3")).encode(), "2")
    assert [row.reference for row in small.rows()] == ["A"]
    assert await probe_tool(small.tools["listings.upsert"], "2-0") is False


# ── what is refused


@pytest.mark.parametrize("path", ["../secret.csv", "/etc/passwd", "link.csv", "a/../../x", "folder"])
async def test_no_path_leads_out_of_the_inbox(small: Desk, path: str, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text(HEADER)
    (small.inbox / "link.csv").symlink_to(tmp_path / "secret.csv")
    (small.inbox / "folder").mkdir()
    assert (await small.failure("stage", file=path))[0] == "refused"


async def test_a_file_that_is_not_there_is_told_with_the_place_to_put_it(small: Desk) -> None:
    kind, message = await small.failure("stage", file="none.csv")
    assert kind == "not_found"
    assert str(small.inbox) in message


async def test_a_file_without_the_columns_that_a_listing_needs_is_refused_by_their_names(small: Desk) -> None:
    (small.inbox / "f.csv").write_text("Ref;Type;Price\nR-1;flat;1\n")
    kind, message = await small.failure("stage", file="f.csv")
    assert (kind, "no column for deal, street, postcode, city, area" in message) == ("invalid", True)


async def test_a_file_of_more_chunks_than_a_map_has_items_is_refused(small: Desk) -> None:
    (small.inbox / "f.csv").write_text(HEADER + line("A") * 101)
    kind, message = await small.failure("stage", file="f.csv", rows_per_chunk=1)
    assert (kind, "more than 100 chunks" in message) == ("invalid", True)


async def test_a_handle_of_something_else_is_refused(small: Desk) -> None:
    handles = [small.artifacts.put(content, media_type="x").handle() for content in (b"no chunk", b"")]
    for handle in [*handles, {"$artifact": "0" * 64}]:
        for name, arguments in (("check", {"chunk": handle}), ("deduplicate", {"source": "s", "chunks": [handle]})):
            assert (await small.failure(name, **arguments))[0] in ("invalid", "not_found")


# ── records


def csv_rows(text: str) -> list[Record]:
    return list(CsvFeed(Line(n, part) for n, part in enumerate(text.splitlines(keepends=True), 1)).records())


def test_a_quote_that_is_never_closed_costs_its_own_line_alone() -> None:
    records = csv_rows(HEADER + line("A") + line('"B') + "".join(line(f"C{n}") for n in range(30)) + line('"D'))
    assert [r.line for r in records] == list(range(2, 35))
    assert {r.line: r.reason for r in records if r.reason is not None} == {3: "quotes", 34: "quotes"}


def test_quotes_and_breaks_within_cells_are_read() -> None:
    (record,) = csv_rows("Ref;Type;Deal;Address;Postcode;City;Price;Area;Text\n" + line("A")[:-1] + ';"a ""b"";\nc"\n')
    assert record.cells["description"] == 'a "b";\nc'


def test_a_line_says_which_separator_it_has() -> None:
    (record,) = csv_rows("sep=|\n" + (HEADER + line("A")).replace(";", "|"))
    assert record.cells["reference"] == "A"


def test_an_object_that_is_broken_costs_itself_alone() -> None:
    good = '{"ref": "%s", "address": {"street": "Elm 1", "zip": 10115}}'
    text = f'[{good % "A"}, {{"ref": "B", "x" }}, {good % "C"}, 7, {good % "D"}, {{"ref": "E", "addr'
    records = list(json_records(io.BytesIO(text.encode())))
    assert [(r.line, r.reason, r.cells.get("reference")) for r in records] == [
        (1, None, "A"), (2, "not_json", None), (3, None, "C"), (4, "not_json", None), (5, None, "D"), (6, "cut_off", None),
    ]  # fmt: skip
    assert records[0].cells == {"reference": "A", "street": "Elm 1", "postcode": "10115"}


@pytest.mark.parametrize("wide", [70_000, 500_000])
def test_an_object_that_is_too_long_costs_itself_alone(wide: int) -> None:
    text = '[{"ref": "A"}, {"ref": "%s"}, {"ref": "C"}]' % ("x" * wide)
    records = list(json_records(io.BytesIO(text.encode())))
    assert [r.cells.get("reference") for r in records if r.reason is None] == ["A", "C"]


def test_a_text_that_was_read_in_the_wrong_encoding_is_put_right() -> None:
    assert mended("MÃ¼nchen") == ("München", True)
    assert mended(b"M\xfcnchen".decode("utf-8", "surrogateescape")) == ("München", True)
    assert mended("São Paulo, Ångström") == ("São Paulo, Ångström", False)


# ── values


@pytest.mark.parametrize(
    ("text", "cents", "currency"),
    [
        ("450000", 45_000_000, "EUR"), ("€ 1.250.000,-", 125_000_000, "EUR"), ("$1,250.50", 125_050, "USD"),
        ("450k", 45_000_000, "EUR"), ("1.2 Mio. €", 120_000_000, "EUR"), ("CHF 1'250'000", 125_000_000, "CHF"),
        ("1 250 000 EUR", 125_000_000, "EUR"), ("1.250", 125_000, "EUR"), ("1.250,50", 125_050, "EUR"),
    ],
)  # fmt: skip
def test_a_price_is_read_however_it_is_written(text: str, cents: int, currency: str) -> None:
    assert money(text, "") == (cents, currency)


@pytest.mark.parametrize(
    "text", ["on request", "-5", "12-15", "1.25.3", "1e5", "$ 5 EUR", "¥ 7", "5 XBT", "two 3 four 5", "", "€"]
)
def test_a_price_that_can_be_read_in_two_ways_or_none_is_not_read(text: str) -> None:
    assert money(text, "") is None


def test_a_column_of_currencies_counts_unless_the_price_says_otherwise() -> None:
    assert money("5", "usd") == (500, "USD")
    assert money("5 €", "USD") is None


@pytest.mark.parametrize(
    ("text", "area"),
    [("85 m²", 85), ("85,5 qm", 85.5), ("915 sq ft", 85), ("1,200 sq. ft.", 111.5), ("0.125 ha", 1250), ("1.200 m2", 1200)],
)
def test_an_area_is_in_square_metres_whatever_its_unit(text: str, area: float) -> None:
    read = square_metres(text)
    assert read is not None
    assert read[0] == area


def test_of_two_days_that_may_be_meant_none_is_taken() -> None:
    dates = ["2026-12-31", "31.12.2026", "12/31/2026", "31/12/2026", "05/05/2026", "03/04/2026", "2026-02-30", "soon"]
    assert [day(d) for d in dates] == [*["2026-12-31"] * 4, "2026-05-05", "", None, None]


def test_a_city_is_known_by_its_postcode_where_it_is_misspelt_and_taken_as_it_is_elsewhere() -> None:
    assert [city_of(c, "80331") for c in ("munchen", "Mnchen", "Münhcen")] == [("München", False), *[("München", True)] * 2]
    assert city_of("Mnchen", "10115") == ("Mnchen", False)
    assert city_of("Smallville", "80331") == ("Smallville", False)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"price": "1"}, "price"), ({"area": "9 cats"}, "area"), ({"street": " "}, "missing"), ({"kind": "boat"}, "kind"),
        ({"deal": "?"}, "deal"), ({"email": "x"}, "email"), ({"title": "=1"}, "formula"), ({"title": "x" * 201}, "too_long"),
        ({"rooms": "many"}, "rooms"), ({"year_built": "3021"}, "year"), ({"reference": "é"}, "reference"),
        ({"postcode": "none"}, "postcode"), ({"price": "9 XBT"}, "currency"),
    ],
)  # fmt: skip
def test_a_row_that_is_no_listing_says_the_first_reason(cells: dict[str, str], reason: str) -> None:
    assert row(**cells).reason == reason


def test_a_row_is_put_right_where_there_is_one_way_to() -> None:
    accepted = row(kind="aparment", city="Berln", title="A\x00 flat\x07", available_from="03/04/2026", area="915 sq ft")
    assert isinstance(accepted, Accepted)
    assert (accepted.listing.kind, accepted.listing.city, accepted.listing.title) == ("apartment", "Berlin", "A flat")
    assert Counter(accepted.repaired) == Counter(["kind", "city", "control_characters", "date_left_out", "area_unit"])
