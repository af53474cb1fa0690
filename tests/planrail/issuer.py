"""An OpenID issuer behind a real socket: it tells where its keys are, signs tokens, changes its keys, and can be away."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

RESOURCE = "https://planrail.example"


class TestIssuer:
    """One issuer. `asked` counts the requests by path; `away` makes it answer with errors."""

    __test__ = False

    def __init__(self) -> None:
        self.address = ""
        self.told: dict[str, Any] = {}
        self.asked: dict[str, int] = {}
        self.away = False
        self.turn("k1")

    def turn(self, kid: str) -> None:
        """Take a new key; the old one is no longer published."""
        self.kid = kid
        self.private = ec.generate_private_key(ec.SECP256R1())

    def documents(self) -> dict[str, Any]:
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.private.public_key()))
        shared = {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "kid": "shared", "alg": "HS256"}
        return {
            "/.well-known/openid-configuration": {"issuer": self.address, "jwks_uri": f"{self.address}/keys", **self.told},
            "/keys": {"keys": [{**public, "kid": self.kid, "use": "sig", "alg": "ES256"}, shared]},
        }

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Of a good token of ann's."""
        return {"iss": self.address, "aud": RESOURCE, "sub": "ann", "exp": time.time() + 60, "scope": "run approve", **changed}

    def signed(self, **changed: Any) -> str:
        """A token; a claim that is None is left out."""
        claims = {name: value for name, value in self.claims(**changed).items() if value is not None}
        return jwt.encode(claims, self.private, algorithm="ES256", headers={"kid": self.kid})


@contextmanager
def issuer() -> Iterator[TestIssuer]:
    """An issuer that is served meanwhile."""
    made = TestIssuer()

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked[self.path] = made.asked.get(self.path, 0) + 1
            document = None if made.away else made.documents().get(self.path)
            self.send_response(404 if document is None else 200)
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())

        def log_message(self, *_: object) -> None:
            """Nothing is told."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
