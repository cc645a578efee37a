"""The service's own parts, as its routes ask for them."""

from __future__ import annotations

from typing import Annotated

from libs.persistence import Database
from libs.web.transactions import resource
from services.identity.api.proof import Prover
from services.identity.gateways.hashing import SecretHasher
from services.identity.gateways.signing import TokenSigner
from services.identity.settings import IdentitySettings

TheDatabase = Annotated[Database, resource(Database)]
TheHasher = Annotated[SecretHasher, resource(SecretHasher)]
TheProver = Annotated[Prover, resource(Prover)]
TheSettings = Annotated[IdentitySettings, resource(IdentitySettings)]
TheSigner = Annotated[TokenSigner, resource(TokenSigner)]
