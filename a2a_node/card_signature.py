"""Card signature: JWS over the canonical form of a card (RFC 7515, RFC 8785; A2A 1.0, section 8.4), by the SDK's own hand.

A signature of the same card by the same key is the same wherever it is made (RFC 6979), so that all processes serve one card.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import jwt
from a2a.types.a2a_pb2 import AgentCard
from a2a.utils.signing import SignatureVerificationError, create_agent_card_signer, create_signature_verifier
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurve, EllipticCurvePrivateKey

from planner.toolspec import Json
from planrail.signing import SigningKey

ALGORITHMS = ["ES256", "ES384", "ES512", "EdDSA", "RS256"]


def signed(card: AgentCard, keys: Iterable[SigningKey], *, jku: str = "") -> AgentCard:
    """The card with a signature of each key, in that order; `jku` is where their public halves are told."""
    result = AgentCard()
    result.CopyFrom(card)
    for key in keys:
        private: Any = _Steady(key.private) if isinstance(key.private, EllipticCurvePrivateKey) else key.private
        header: dict[str, str] = {"alg": key.algorithm, "kid": key.kid, "typ": "JOSE", **({"jku": jku} if jku else {})}
        create_agent_card_signer(private, cast(Any, header))(result)
    return result


def is_signed_by(card: AgentCard, jwks: Mapping[str, Json]) -> bool:
    """Whether one of the card's signatures is by one of these keys."""
    known = {key.key_id: key for key in jwt.PyJWKSet.from_dict(dict(jwks)).keys}

    def provider(kid: str | None, jku: str | None) -> jwt.PyJWK:
        if kid not in known:
            raise jwt.InvalidKeyError("no such key")
        return known[kid]

    try:
        create_signature_verifier(provider, ALGORITHMS)(card)
    except SignatureVerificationError:
        return False
    return True


class _Steady:
    """A key of an elliptic curve that signs the same text alike, where its library can."""

    def __init__(self, key: EllipticCurvePrivateKey) -> None:
        self._key = key

    @property
    def curve(self) -> EllipticCurve:
        return self._key.curve

    @property
    def key_size(self) -> int:
        return self._key.key_size

    def sign(self, data: bytes, algorithm: ECDSA) -> bytes:
        try:
            steady = ECDSA(algorithm.algorithm, deterministic_signing=True)
        except UnsupportedAlgorithm:  # an OpenSSL before 3.2: each signature is another one, and as good
            steady = algorithm
        return self._key.sign(data, steady)


EllipticCurvePrivateKey.register(_Steady)
