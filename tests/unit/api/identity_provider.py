"""An OpenID Connect provider of the tests' own: a key, a JWKS document on loopback, and tokens."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER, AUDIENCE = "https://id.example/", "timbre"


class IdentityProvider:
    """Signs with RS256 (`rsa`), or ES256 (`ec`)."""

    def __init__(self) -> None:
        self.rsa = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        self.ec = ec.generate_private_key(ec.SECP256R1())
        rsa_jwk = {**json.loads(RSAAlgorithm.to_jwk(self.rsa.public_key())), "kid": "rsa", "alg": "RS256", "use": "sig"}
        ec_jwk = {**json.loads(ECAlgorithm.to_jwk(self.ec.public_key())), "kid": "ec", "alg": "ES256", "use": "sig"}
        self.document: bytes = json.dumps({"keys": [rsa_jwk, ec_jwk]}).encode()
        self.status = 200
        self.fetches = 0
        self.url = ""

    def token(self, *, kid: str = "rsa", key: Any = None, algorithm: str | None = None, **claims: Any) -> str:
        """Of Acme, which may speak, for a minute; a claim that is None is left out."""
        usual = {"iss": ISSUER, "aud": AUDIENCE, "sub": "acme", "scope": "openid speech", "exp": time.time() + 60}
        chosen = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        signer = key if key is not None else (self.ec if kid == "ec" else self.rsa)
        return jwt.encode(chosen, signer, algorithm or ("ES256" if kid == "ec" else "RS256"), headers={"kid": kid})

    @contextmanager
    def serving(self) -> Iterator["IdentityProvider"]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.fetches += 1
                self.send_response(provider.status)
                self.end_headers()
                self.wfile.write(provider.document)

            def log_message(self, *_: Any) -> None:
                """Silent."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}/jwks"
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
