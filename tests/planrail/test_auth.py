"""Who has sent a request: keys of the database and the configuration, tokens of a real issuer, a proxy's certificates."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from pydantic import ValidationError

from executor.api_keys import MemoryApiKeys, StoredKey
from executor.submission import Principal
from executor.tenant import account, tenant_of, within
from planrail.auth import KNOWN_S, Authenticator, AuthRefused, Identity, Unauthenticated, authenticator_of, check_open
from planrail.issuer import Issuer
from planrail.keys import ApiKey, AuthSettings, ProxySettings, hash_of, new_key
from tests.planrail.issuer import RESOURCE, issuer

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
PROXY = ProxySettings(header="X-Client-Cert-Subject", trusted=("10.0.0.5", "fd00::/8"))


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    at: float = 0.0

    def __call__(self) -> float:
        return self.at


def bearer(token: str) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {token}")]


async def refused(auth: Authenticator, headers: list[tuple[str, str]], peer: str | None = "10.9.9.9") -> bool:
    try:
        await auth.caller(headers, peer)
    except Unauthenticated:
        return True
    return False


async def test_a_server_that_others_reach_does_not_start_without_authentication() -> None:
    keys = MemoryApiKeys()
    with pytest.raises(AuthRefused, match=r"open to others") as caught:
        check_open("0.0.0.0", await authenticator_of(AuthSettings(), keys))
    check_open("127.0.0.1", await authenticator_of(AuthSettings(), keys))
    check_open("0.0.0.0", Authenticator(AuthSettings(keys={"a": ApiKey(hash=hash_of("k"), principal="a")})))
    check_open("0.0.0.0", Authenticator(AuthSettings(proxy=PROXY)))
    await keys.add(StoredKey(name="a", hash="h", principal="a", created_at=NOW))
    await keys.revoke("a", NOW)
    check_open("0.0.0.0", await authenticator_of(AuthSettings(), keys))  # and nobody comes in: nor does everybody
    assert "planrail keys create" in caught.value.hint


def test_a_server_that_tells_others_where_it_is_knows_who_may_come() -> None:
    nobody = Authenticator(AuthSettings())
    check_open("127.0.0.1", nobody, url="http://localhost:8700")
    with pytest.raises(AuthRefused, match=r"told to come to https://planner\.example"):
        check_open("127.0.0.1", nobody, url="https://planner.example")
    check_open("127.0.0.1", Authenticator(AuthSettings(), required=True), url="https://planner.example")


async def test_a_key_of_the_database_is_its_principal_until_it_is_revoked_or_over() -> None:
    keys, clock, night, day = MemoryApiKeys(), Clock(), new_key(), new_key()
    await keys.add(StoredKey(name="n", hash=hash_of(night), principal="ann", scopes=frozenset(("approve",)), created_at=NOW))
    ends = NOW + timedelta(seconds=1)
    await keys.add(StoredKey(name="d", hash=hash_of(day), principal="bob", created_at=NOW, expires_at=ends))
    auth = Authenticator(AuthSettings(), keys, required=True, now=lambda: NOW + timedelta(seconds=clock.at), clock=clock)
    known = await auth.caller([("X-API-Key", night)], None)
    assert known == Identity(Principal(id="ann", kind="agent", scopes=frozenset(("approve",))))
    assert (await auth.caller(bearer(day), None)).principal.id == "bob"
    assert [key.used_at for key in await keys.find()] == [NOW, NOW]
    await keys.revoke("n", NOW)
    clock.at = KNOWN_S
    assert await refused(auth, bearer(night))
    assert await refused(auth, bearer(day))
    for hollow in ("", "pr_", new_key(), "a.b.c", "\udc80"):
        assert await refused(auth, bearer(hollow))


async def test_one_credential_is_sent_and_no_other_scheme_is_taken() -> None:
    key = new_key()
    auth = Authenticator(AuthSettings(keys={"a": ApiKey(hash=hash_of(key), principal="ann")}))
    assert not await refused(auth, bearer(key))
    for headers in ([], [*bearer(key), ("x-api-key", key)], bearer(key) * 2, [("Authorization", f"Basic {key}")]):
        assert await refused(auth, headers)


async def test_who_is_refused_is_logged_and_not_what_it_sent(caplog: pytest.LogCaptureFixture) -> None:
    auth = Authenticator(AuthSettings(keys={"a": ApiKey(hash=hash_of(new_key()), principal="ann")}, proxy=PROXY))
    for headers in (
        bearer("pr_s3cret"),
        [("X-API-Key", "pr_s3cret")],
        [("Authorization", "Basic s3cret")],
        [(PROXY.header, "s3cret")],
    ):
        assert await refused(auth, headers)
    assert [record.getMessage().count("from 10.9.9.9 was refused: ") for record in caplog.records] == [1] * 4
    assert "s3cret" not in caplog.text


async def test_a_token_of_the_issuer_is_its_subject_and_any_other_is_nobody() -> None:
    with issuer() as at:
        auth = Authenticator(AuthSettings(issuer=at.address, resource=RESOURCE))
        known = await auth.caller(bearer(at.signed()), None)
        changed = ({"aud": "https://other.example"}, {"iss": "https://evil.example"}, {"exp": time.time() - 600}, {"exp": None},
                   {"sub": None}, {"nbf": time.time() + 600})  # fmt: skip
        wrong = [at.signed(**change) for change in changed]
        wrong += [jwt.encode(at.claims(), None, algorithm="none"), at.signed()[:-4] + "AAAA", "a.b.c", "x" * 20_000 + ".b.c"]
        wrong += [jwt.encode(at.claims(), "secret" * 6, algorithm="HS256", headers={"kid": kid}) for kid in ("shared", "k1")]
        nobody = [await refused(auth, bearer(token)) for token in wrong]
        late = await auth.caller(bearer(at.signed(exp=time.time() - 10)), None)
    principal = Principal(id=f"{at.address}#ann", kind="agent", scopes=frozenset(("run", "approve")))
    assert known == late == Identity(principal)
    assert nobody == [True] * len(wrong)


async def test_a_token_may_be_bound_to_the_tenants_of_a_claim() -> None:
    with issuer() as at:
        auth = Authenticator(AuthSettings(issuer=at.address, resource=RESOURCE, tenant_claim="org"))
        bound = await auth.caller(bearer(at.signed(org=["acme", "zeta"])), None)
        assert await refused(auth, bearer(at.signed()))
    assert bound.tenants == {"acme", "zeta"}


async def test_keys_are_fetched_once_and_again_for_a_new_one_but_not_for_made_up_ones() -> None:
    with issuer() as at:
        clock = Clock()
        tokens = Issuer(AuthSettings(issuer=at.address, resource=RESOURCE), clock=clock)
        for _ in range(5):
            assert await tokens.claims(at.signed()) is not None
        old = at.signed()
        at.turn("k2")
        assert await tokens.claims(at.signed()) is None  # just fetched: within ten seconds nobody looks again
        clock.at = 11
        assert await tokens.claims(at.signed()) is not None
        assert await tokens.claims(old) is None
        at.kid = "made up"
        for _ in range(20):
            assert await tokens.claims(at.signed()) is None
    assert at.asked["/keys"] == 2


async def test_an_issuer_that_is_away_is_known_by_its_keys_for_a_day() -> None:
    with issuer() as at:
        clock = Clock()
        tokens = Issuer(AuthSettings(issuer=at.address, resource=RESOURCE), clock=clock)
        assert await tokens.claims(at.signed()) is not None
        at.away = True
        for later, believed in ((700, True), (86_000, True), (86_500, False)):
            clock.at = later
            assert (await tokens.claims(at.signed()) is not None) is believed
        at.away = False
        clock.at = 86_520
        assert await tokens.claims(at.signed()) is not None


@pytest.mark.parametrize("told", [{"issuer": "https://evil.example"}, {"jwks_uri": None}])
async def test_what_an_issuer_tells_of_another_one_is_not_believed(told: dict[str, str]) -> None:
    with issuer() as at:
        at.told = told
        assert await Issuer(AuthSettings(issuer=at.address, resource=RESOURCE)).claims(at.signed()) is None


async def test_a_certificate_counts_where_a_trusted_proxy_tells_of_it_and_is_refused_from_anybody_else() -> None:
    key = new_key()
    auth = Authenticator(AuthSettings(proxy=PROXY, keys={"a": ApiKey(hash=hash_of(key), principal="ann")}))
    seen = [("x-client-cert-subject", "CN=bob,O=Acme")]
    for peer in ("10.0.0.5", "::ffff:10.0.0.5", "fd00::1"):
        assert (await auth.caller(seen, peer)).principal == Principal(id="cert#CN=bob,O=Acme", kind="agent")
    for peer in ("10.0.0.6", "127.0.0.1", None, "nowhere"):
        assert await refused(auth, seen, peer)
        assert await refused(auth, [*seen, *bearer(key)], peer)
    assert await refused(auth, seen * 2, "10.0.0.5")
    assert await refused(auth, [("x-client-cert-subject", "")], "10.0.0.5")
    assert (await auth.caller([*seen, *bearer(key)], "10.0.0.5")).principal.id == "ann"


def test_a_tenant_is_a_space_of_its_own_which_no_other_name_reaches() -> None:
    ann = Principal(id="ann")
    names = ("acme", "acme/ann", "ac%2Fme", "@acme", "", "ä", "a b")
    spaces = {within(Principal(id=who), tenant).id for who in ("ann", "b/ann", "%40/ann") for tenant in names}
    assert len(spaces) == 3 * len(names)
    assert {(account(within(ann, t).id), tenant_of(within(ann, t).id)) for t in names} == {("ann", t) for t in names}
    with pytest.raises(ValidationError):
        ApiKey(hash=hash_of("k"), principal="@acme/ann")


def test_a_key_that_is_bound_to_tenants_names_these_and_in_its_only_one_needs_not() -> None:
    ann = Principal(id="ann")
    free, one, two = Identity(ann), Identity(ann, frozenset(("acme",))), Identity(ann, frozenset(("acme", "zeta")))
    found = [
        [None if (p := who.within(t)) is None else p.id for t in ("", "acme", "other", "x" * 201)] for who in (free, one, two)
    ]
    assert found == [
        ["ann", "@acme/ann", "@other/ann", None],
        ["@acme/ann", "@acme/ann", None, None],
        [None, "@acme/ann", None, None],
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "https://a.example"}, {"jwks_url": "https://a.example/keys", "resource": RESOURCE},
        {"algorithms": ("none",)}, {"algorithms": ("HS256",)}, {"proxy": {"header": "x-subject"}},
        {"proxy": {"header": "x-subject", "trusted": ("proxy.local",)}},
    ],
)  # fmt: skip
def test_half_a_configuration_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AuthSettings.model_validate(wrong)
