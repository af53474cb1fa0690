"""The pack's tables. Times are UTC in ISO 8601, so that they read and sort alike in both databases."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

from executor.pack_store import effect_table

metadata = MetaData()

listing = Table(
    "listings_listing",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", String(60), nullable=False),
    Column("reference", String(40), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("deal", String(10), nullable=False),
    Column("title", String(200), nullable=False),
    Column("street", String(120), nullable=False),
    Column("postcode", String(10), nullable=False),
    Column("city", String(60), nullable=False),
    Column("price_cents", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("area_m2", Float, nullable=False),
    Column("rooms", Float),
    Column("year_built", Integer),
    Column("available_from", String(10), nullable=False),
    Column("email", String(254), nullable=False),
    Column("description", Text, nullable=False),
    Column("property", String(24), nullable=False),  # equal for listings of one property
    Column("digest", String(24), nullable=False),  # of what the listing says
    Column("revision", Integer, nullable=False),  # 1 when it is new, and one more with each change
    Column("created", String(32), nullable=False),
    Column("updated", String(32), nullable=False),
    UniqueConstraint("source", "reference", name="listings_listing_source_reference"),
    Index("listings_listing_property", "source", "property"),
    Index("listings_listing_city_price", "city", "deal", "price_cents"),
)

imported = Table(
    "listings_import",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", String(60), nullable=False),
    Column("file", String(200), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("tally", Text, nullable=False),  # JSON: the report's numbers
    Column("rejects", String(64), nullable=False),  # the artifact
    Column("created", String(32), nullable=False),
)

effect = effect_table(metadata, "listings")
