"""Subject: which spellings are the same person, and which are not."""

from __future__ import annotations

import gzip
import io
import json
import zipfile

import pytest

from executor.subject import Subject, SubjectError


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Ann Example", "call ann  EXAMPLE today"),
        ("Ann Example", "Example, Ann"),
        ("Ann Example", '{"first": "Ann", "x": "Ann\\nExample"}'),
        ("Ann Example", "ann_example.csv"),
        ("José Núñez", json.dumps("José Núñez")),
        ("José Núñez", json.dumps(json.dumps({"name": "JOSÉ NÚÑEZ"}))),
        ("ann@example.org", "<Ann.x> ANN@Example.ORG."),
        ("ann@example.org", "ann+news@example.org"),
        ("ann@example.org", "ann (at) example.org"),
        ("ann@example.org", "https://x/?to=ann%40example.org&y"),
        ("+1 512 555 0134", "(512) 555-0134"),
        ("+1 512 555 0134", "+1-512-555-0134"),
        ("+1 512 555 0134", "0015125550134"),
        ("(512) 555-0134", "+1 512.555.0134"),
        ("+49 30 1234567", "030 / 123 45 67"),
        ("+49 30 1234567", "+49 (0)30 1234567"),
        ("030 1234567", "+49 30 1234567"),
        ("030 1234567", "+49 (0) 30 1234567"),
    ],
)
def test_a_person_is_found_in_the_usual_spellings(subject: str, text: str) -> None:
    assert Subject(subject).in_text(text)


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Ann Example", "Joann Example"),
        ("Ann Example", "Ann Examples"),
        ("Ann", "Annette"),
        ("ann@example.org", "joann@example.org"),
        ("ann@example.org", "ann@example.org.uk"),
        ("ann@example.org", "ann@example.organic"),
        ("+1 512 555 0134", "15125550135"),
        ("+1 512 555 0134", "9915125550134"),
        ("+1 512 555 0134", "555-0134"),
        ("030 1234567", "1234567"),
    ],
)
def test_another_person_is_not_found(subject: str, text: str) -> None:
    assert not Subject(subject).in_text(text)


def test_a_principal_is_its_whole_id_in_whatever_tenant() -> None:
    ann = Subject("ann", principal=True)
    assert ann.is_principal("ann")
    assert ann.is_principal("@acme/ann")
    assert not ann.is_principal("joann")
    assert ann.in_text('{"by":"ann"}')
    assert ann.in_text('{"by":"@acme/ann"}')
    assert not ann.in_text('{"text":"ask ann"}')


def test_files_are_looked_into_and_what_cannot_be_read_is_told() -> None:
    ann = Subject("José")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as sheet:
        sheet.writestr("xl/sharedStrings.xml", "<t>José</t>")
    assert ann.in_bytes(archive.getvalue()) is True
    assert ann.in_bytes(gzip.compress("José".encode())) is True
    assert ann.in_bytes("name;José".encode("cp1252")) is True
    assert ann.in_bytes("José".encode("utf-16")) is True
    assert ann.in_bytes(b"Ann") is False
    assert ann.in_bytes(b"\x89PNG\0\xff\xfe\0") is None


def test_what_everything_would_hold_is_refused() -> None:
    with pytest.raises(SubjectError, match="too short"):
        Subject("a.")
    assert Subject("0512 5550134").normal == Subject("512-555 0134").normal
