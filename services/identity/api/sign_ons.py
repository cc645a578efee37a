"""Sign on at a till or to the back office, sign off, and who one is."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel

from libs.contracts.refusal import Refusal
from libs.web.authentication import Caller, RequestBody
from libs.web.openapi import problems
from libs.web.principal import Principal
from libs.web.transactions import Work, origin_of
from services.identity.api.parts import TheDatabase, TheProver, TheSettings, TheSigner
from services.identity.api.schemas import Code, GivenSecret, LimitValues, StoreIds
from services.identity.api.staff import StaffView
from services.identity.api.tokens import AccessToken
from services.identity.domain.audit import Actor, AuditAction
from services.identity.domain.refusals import NotAtATill
from services.identity.domain.stores import Store, Till
from services.identity.gateways.signing import SignedToken
from services.identity.use_cases.prove_secret import SecretClaim
from services.identity.use_cases.sign_on import SignedOn, sign_off, sign_on_at_till, sign_on_to_office

router = APIRouter(tags=["sign-on"])


class SignOnBody(RequestBody):
    """Who signs on at the till whose token is sent."""

    staff_code: Code
    pin: GivenSecret


class OfficeSignOnBody(RequestBody):
    """Who signs on to the back office."""

    staff_code: Code
    password: GivenSecret


class PlaceView(BaseModel):
    """A till or a store by id and code."""

    id: UUID
    code: str
    name: str

    @classmethod
    def of(cls, place: Till | Store) -> PlaceView:
        """A till or a store in short."""
        return cls(id=place.id, code=place.code, name=place.name)


class OfficeSignOnView(AccessToken):
    """A token for the back office, and who it is for."""

    staff: StaffView


class SignOnView(OfficeSignOnView):
    """A token for one person at one till."""

    till: PlaceView
    store: PlaceView


class MeView(BaseModel):
    """Whom the token speaks of, as every service sees them."""

    id: UUID
    kind: str
    name: str
    permissions: list[str]
    limits: LimitValues
    all_stores: bool
    store_ids: StoreIds
    store_id: UUID | None
    till_id: UUID | None


@router.post("/sign-ons", status_code=201, responses=problems(429), summary="Sign on at a till")
async def sign_on(
    request: Request,
    body: SignOnBody,
    caller: Caller,
    database: TheDatabase,
    prover: TheProver,
    signer: TheSigner,
    settings: TheSettings,
) -> SignOnView:
    """Send the till's own token, from POST /identity/v1/tokens/till; the answer holds the person's."""
    _demand_till(caller)
    origin = origin_of(request)
    member = await prover.prove_pin(origin, body.staff_code, body.pin.get_secret_value(), Actor.of(caller))
    life = timedelta(seconds=settings.staff_token_life_s)
    async with database.transaction(origin) as work:
        outcome = await sign_on_at_till(work, signer, caller, member, life)
    # Raised only now, so that the trace of the refusal is kept.
    if isinstance(outcome, Refusal):
        raise outcome
    return _sign_on_view(outcome)


@router.post(
    "/office-sign-ons", status_code=201, responses=problems(401, 403, 429), summary="Sign on to the back office"
)
async def sign_on_office(
    request: Request,
    body: OfficeSignOnBody,
    database: TheDatabase,
    prover: TheProver,
    signer: TheSigner,
    settings: TheSettings,
) -> OfficeSignOnView:
    origin = origin_of(request)
    witness = Actor("unknown", None, "back office")
    claim = SecretClaim("password", body.staff_code, witness, AuditAction.SIGN_ON_REFUSED)
    member = await prover.prove(origin, claim, body.password.get_secret_value())
    async with database.transaction(origin) as work:
        signed_on = await sign_on_to_office(work, signer, member, timedelta(seconds=settings.office_token_life_s))
    return OfficeSignOnView(**_token(signed_on.token), staff=StaffView.of(signed_on.member))


@router.delete("/sign-ons/current", status_code=204, summary="Sign off")
async def sign_off_now(work: Work, caller: Caller) -> None:
    """Leaves a trace. The token is forgotten by whoever holds it, and ends by itself."""
    await sign_off(work, caller)


@router.get("/me", summary="Whom this token speaks of")
async def me(caller: Caller) -> MeView:
    return MeView(
        id=caller.id,
        kind=caller.kind,
        name=caller.name,
        permissions=sorted(caller.permissions),
        limits=LimitValues.of(caller.limits),
        all_stores=caller.all_stores,
        store_ids=caller.store_ids,
        store_id=caller.store_id,
        till_id=caller.till_id,
    )


def _demand_till(caller: Principal) -> None:
    if caller.kind != "till":
        raise NotAtATill("Send the till's own token, from POST /identity/v1/tokens/till, to sign somebody on.")


def _token(token: SignedToken) -> dict[str, object]:
    return {"access_token": token.text, "expires_at": token.expires_at}


def _sign_on_view(signed_on: SignedOn) -> SignOnView:
    assert signed_on.till is not None
    assert signed_on.store is not None
    return SignOnView(
        **_token(signed_on.token),
        staff=StaffView.of(signed_on.member),
        till=PlaceView.of(signed_on.till),
        store=PlaceView.of(signed_on.store),
    )
