"""ES256 key pairs, encrypted at rest, and the tokens signed with them (RFC 7515, RFC 7518, RFC 7519)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from joserfc import jwt
from joserfc.jwk import ECKey

from libs.persistence import new_id
from services.identity.domain.key_ring import SigningKey

ALGORITHM = "ES256"


class WrongEncryptionKey(RuntimeError):
    """The signing keys in the database were encrypted with another key than the one in the settings."""


@dataclass(frozen=True, slots=True)
class SignedToken:
    """A token and when it expires."""

    text: str
    expires_at: datetime


class TokenSigner:
    """Makes key pairs and signs with them. `encryption_keys` are Fernet keys, the newest first, comma-separated."""

    def __init__(self, encryption_keys: str) -> None:
        self._fernet = MultiFernet([Fernet(key.strip()) for key in encryption_keys.split(",")])

    def new_key(self, *, published_at: datetime, signs_from: datetime) -> SigningKey:
        """A new key pair on P-256."""
        kid = str(new_id())
        pair = ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": ALGORITHM})
        private_pem = pair.as_pem(private=True)
        return SigningKey(
            kid=kid,
            public_jwk=dict(pair.as_dict(private=False)),
            private_encrypted=self._fernet.encrypt(private_pem),
            published_at=published_at,
            signs_from=signs_from,
        )

    def check(self, key: SigningKey) -> None:
        """Raise WrongEncryptionKey unless this key can be signed with."""
        self._pair(key)

    def sign(self, key: SigningKey, claims: dict[str, Any]) -> str:
        """A JWT with `claims`. Raises WrongEncryptionKey."""
        return jwt.encode({"alg": ALGORITHM, "kid": key.kid, "typ": "JWT"}, claims, self._pair(key))

    def _pair(self, key: SigningKey) -> ECKey:
        try:
            return ECKey.import_key(self._fernet.decrypt(key.private_encrypted))
        except InvalidToken as error:
            raise WrongEncryptionKey(
                "The signing keys in the database cannot be decrypted: set TILLSTREAM_IDENTITY_ENCRYPTION_KEY to the"
                " key they were encrypted with (after the new one and a comma, if it is being changed)."
            ) from error
