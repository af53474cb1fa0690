"""Who comes into the console, and whose pages may ask it: over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from executor.api_keys import StoredKey
from planrail.auth import Authenticator
from planrail.console.guard import CSP
from planrail.console.session import LASTS_S, LINK_S, Sessions, link_token, spent_of
from planrail.keys import AuthSettings, hash_of, new_key
from planrail.seal import Seal, seal_of
from tests.planrail.consoles import ASKS, BOUND_S, Console, console, keyed_settings, told

PERSON = "pr_person_0123456789"
KEYED = keyed_settings(person=(PERSON, "ann", "user"))


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[Console]:
    async with console(tmp_path / "home") as found:
        yield found


@pytest.fixture
async def keyed(tmp_path: Path) -> AsyncIterator[Console]:
    async with console(tmp_path / "home", settings=KEYED) as found:
        yield found


async def test_whoever_is_at_the_machine_comes_in_by_the_link_that_the_server_prints_and_is_a_person(local: Console) -> None:
    _, _, token = local.where["console"].partition("#token=")
    async with local.stranger() as client:
        before = await client.get("session")
        begun = await client.post("session", json={"token": token})
        after = await client.get("session")
    assert (before.status_code, before.json()["needs_key"]) == (401, False)
    assert begun.status_code == 204
    assert {k: v for k, v in after.json().items() if k not in ("csrf", "version")} == {
        "principal": "local", "kind": "user", "scopes": [], "needs_key": False,
    }  # fmt: skip


async def test_a_link_is_good_once_for_a_while_and_for_its_own_house(local: Console, tmp_path: Path) -> None:
    seal = seal_of(local.house.settings)
    once = link_token(seal)
    bad = {
        "expired": link_token(seal, now=lambda: time.time() - LINK_S - 1),
        "another house's": link_token(Seal(["another secret"])),
        "forged": once[:-9] + "AAAAAAAA=",
        "a sealed thing of another purpose": seal.seal('{"for": "push", "id": "ab", "until": 9999999999}'),
        "nothing": "",
    }
    async with local.stranger() as client:
        first = await client.post("session", json={"token": once})
        again = await client.post("session", json={"token": once})
        others = {name: (await client.post("session", json={"token": token})).status_code for name, token in bad.items()}
    assert (first.status_code, again.status_code) == (204, 401)
    assert others == dict.fromkeys(bad, 401)


async def test_a_link_that_was_used_stays_used_when_the_server_is_another_one(tmp_path: Path) -> None:
    async with console(tmp_path / "home", worker=False) as first:
        token = link_token(seal_of(first.house.settings))
        async with first.stranger() as client:
            assert (await client.post("session", json={"token": token})).status_code == 204
    async with console(tmp_path / "home", worker=False) as second, second.stranger() as client:
        assert (await client.post("session", json={"token": token})).status_code == 401


async def test_a_key_is_the_way_in_where_keys_are_asked_for_and_a_link_is_none(keyed: Console) -> None:
    async with keyed.stranger() as client:
        unknown = await client.post("session", json={"key": new_key()})
        linked = await client.post("session", json={"token": link_token(seal_of(keyed.house.settings))})
        nobody = await client.get("runs")
        begun = await client.post("session", json={"key": PERSON})
        who = (await client.get("session")).json()
    assert "#" not in keyed.where["console"]
    assert [r.status_code for r in (unknown, linked, nobody, begun)] == [401, 401, 401, 204]
    assert (who["principal"], who["kind"], who["needs_key"]) == ("ann", "user", True)


async def test_where_nobody_is_asked_a_key_is_refused(local: Console) -> None:
    async with local.stranger() as client:
        assert (await client.post("session", json={"key": PERSON})).status_code == 401


async def test_the_cookie_is_for_the_console_alone_and_out_of_reach_of_scripts_and_other_sites(keyed: Console) -> None:
    async with keyed.stranger() as client:
        plain = await client.post("session", json={"key": PERSON})
    (name, *attributes) = plain.headers["set-cookie"].split("; ")
    assert name.startswith("planrail_console=")
    assert PERSON not in plain.headers["set-cookie"]
    assert sorted(attributes) == ["HttpOnly", f"Max-Age={LASTS_S}", "Path=/console", "SameSite=strict"]


async def test_the_cookie_is_for_https_where_the_browser_sees_https(tmp_path: Path) -> None:
    settings = f'[a2a]\nurl = "https://planrail.example"\n{KEYED}'
    async with console(tmp_path / "home", worker=False, settings=settings) as found, found.stranger() as client:
        begun = await client.post("session", json={"key": PERSON}, headers={"origin": "https://planrail.example"})
    assert begun.status_code == 204
    assert "; Secure" in begun.headers["set-cookie"]


async def test_signing_out_ends_the_session_wherever_its_cookie_is(local: Console) -> None:
    async with local.browser() as client:
        cookie = dict(client.cookies)
        out = await client.request("DELETE", "session")
        async with local.stranger() as thief:
            thief.cookies.update(cookie)
            stolen = await thief.get("session")
    assert (out.status_code, stolen.status_code) == (204, 401)
    assert "Max-Age=0" in out.headers["set-cookie"]


async def test_a_session_is_over_after_its_time(tmp_path: Path) -> None:
    clock = [1_000_000.0]
    seal = Seal(["a secret"])
    auth = Authenticator(AuthSettings(), required=False)
    async with console(tmp_path / "home", worker=False) as found:
        sessions = Sessions(seal, auth, spent_of(found.house.settings), now=lambda: clock[0])
    session = await sessions.of(sessions.by_link(link_token(seal, now=lambda: clock[0])))
    assert await sessions.problem(session) is None
    clock[0] += LASTS_S
    assert await sessions.problem(session) is not None


async def test_a_revoked_key_is_signed_out_and_ends_its_streams(keyed: Console) -> None:
    key, keys, now = new_key(), keyed.house.journal.keys, datetime.now(UTC)
    await keys.add(StoredKey(name="night", hash=hash_of(key), principal="ann", kind="user", created_at=now))
    async with keyed.browser(key) as client, asyncio.timeout(BOUND_S), client.stream("GET", "runs/live") as stream:
        events = told(stream)
        assert (await anext(events)).event == "ready"
        await keys.revoke("night", datetime.now(UTC))
        assert [event async for event in events] == []
        assert (await client.get("session")).status_code == 401


async def test_what_changes_something_comes_from_the_consoles_own_page_with_the_sessions_token_as_json(local: Console) -> None:
    wrong = {
        "another site": {"origin": "https://evil.example"},
        "another port of this machine": {"origin": "http://127.0.0.1:9"},
        "a sandbox": {"origin": "null"},
        "another site, as the browser says": {"sec-fetch-site": "cross-site"},
        "no token": {"x-csrf-token": ""},
        "another session's token": {"x-csrf-token": "0" * 32},
        "a form": {"content-type": "application/x-www-form-urlencoded"},
        "no type": {"content-type": "text/plain"},
    }
    run = await local.waits(ASKS)
    async with local.browser() as client:
        refused = {name: (await client.post(f"runs/{run}/cancel", headers=h)).status_code for name, h in wrong.items()}
        del client.headers["origin"]
        unsaid = await client.post(f"runs/{run}/cancel")
        fetched = await client.post(f"runs/{run}/cancel", headers={"sec-fetch-site": "same-origin"})
    assert refused == {**dict.fromkeys(wrong, 403), "a form": 415, "no type": 415}
    assert (unsaid.status_code, fetched.json()["status"]) == (403, "cancelled")


async def test_no_page_of_another_site_signs_anybody_in_or_reads_anything(local: Console) -> None:
    token = link_token(seal_of(local.house.settings))
    async with local.browser() as client:
        begun = await client.post("session", json={"token": token}, headers={"origin": "https://evil.example"})
        read = await client.get("runs", headers={"sec-fetch-site": "cross-site"})
        beside = await client.get("runs", headers={"sec-fetch-site": "same-site"})
    assert [r.status_code for r in (begun, read, beside)] == [403, 403, 403]


async def test_a_console_that_asks_nobody_goes_by_names_of_this_machine_alone(local: Console) -> None:
    async with local.browser() as client:
        foreign = [await client.get(path, headers={"host": "evil.example:8700"}) for path in ("runs", "session")]
        here = await client.get("runs", headers={"host": local.url.removeprefix("http://").replace("127.0.0.1", "localhost")})
    assert [r.status_code for r in foreign] == [403, 403]
    assert here.status_code == 403  # its origin is another one; by its own page:
    async with local.browser() as client:
        del client.headers["origin"]
        assert (await client.get("runs", headers={"host": "localhost"})).status_code == 200


async def test_every_answer_holds_the_page_to_its_own_scripts_and_no_data_is_kept(local: Console) -> None:
    paths = [
        "/console", "/console/runs/some", "/console/static/index.html", "/console/static/none.js", "/console/none",
        *(path.replace("{run}", "some").replace("{rest:path}", "x") for path in local.paths),
    ]  # fmt: skip
    async with local.browser() as client, local.stranger() as stranger:
        for asking in (client, stranger):
            for path in paths:
                async with asking.stream("GET", local.url + path) as answer:
                    said = answer.headers
                    assert said["content-security-policy"].startswith(CSP), path
                    assert said["x-content-type-options"] == "nosniff", path
                    assert said["referrer-policy"] == "no-referrer", path
                    assert said["cross-origin-opener-policy"] == "same-origin", path
                    assert said.get("cache-control") == "no-store" or not path.startswith("/console/api/"), path
                    assert answer.status_code == 401 or asking is client or not path.startswith("/console/api/"), path


async def test_nobody_who_has_not_signed_in_does_anything(local: Console) -> None:
    async with local.stranger() as client:
        for path in local.paths:
            for method in ("GET", "POST", "DELETE", "PUT"):
                answer = await client.request(method, local.url + path, json={})
                assert answer.status_code in (401, 422), (method, path)  # 422: signing in, without a way in


async def test_files_of_the_page_are_asked_for_anew_and_sent_when_they_are_others(local: Console) -> None:
    async with local.stranger() as client:
        first = await client.get(f"{local.url}/console/static/index.html")
        again = await client.get(f"{local.url}/console/static/index.html", headers={"if-none-match": first.headers["etag"]})
        outside = await client.get(f"{local.url}/console/static/%2e%2e/app.py")
    assert (first.status_code, first.headers["cache-control"]) == (200, "no-cache")
    assert (again.status_code, outside.status_code) == (304, 404)


async def test_a_body_that_is_too_long_is_refused_before_it_is_read(local: Console) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65_536

    run = await local.waits(ASKS)
    async with local.browser() as client, asyncio.timeout(BOUND_S):
        announced = await client.post(f"runs/{run}/answer", content=b"x" * 100_000_000)
        with contextlib.suppress(httpx.NetworkError, httpx.RemoteProtocolError):  # it is cut off while it still sends
            assert (await client.post(f"runs/{run}/answer", content=endless())).status_code == 413
    assert announced.status_code == 413


async def test_requests_count_for_the_quota_of_whoever_sends_them(tmp_path: Path) -> None:
    limits = "\n[auth.limits]\nrequests_per_minute = 2\n"
    async with console(tmp_path / "home", worker=False, settings=KEYED + limits) as found, found.browser(PERSON) as client:
        answers = [await client.get("session") for _ in range(2)]
    assert [r.status_code for r in answers] == [200, 429]
    assert int(answers[1].headers["retry-after"]) >= 1


async def test_a_body_that_means_nothing_is_said_to(local: Console) -> None:
    bodies = [b"[", b"\xff", b'{"key": NaN}', b'"x"', b'{"key": 1}', b'{"other": 1}', b"[" * 100_000]
    async with local.stranger() as client:
        answers = [await client.post("session", content=body) for body in bodies]
    assert [r.status_code for r in answers] == [400, 400, 400, 422, 422, 422, 400]
    assert all(set(r.json()) == {"message", "hint"} for r in answers)
