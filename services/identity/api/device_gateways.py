"""Device gateways: the codes that enrol them, their enrolment, and their tokens."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, ClassVar
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, BaseModel, Field

from libs.persistence import new_id
from libs.web.authentication import RequestBody
from libs.web.openapi import problems
from libs.web.paging import Page, Paging
from libs.web.transactions import Reading, Work, origin_of, resource
from services.identity.api.callers import Reader, StoreManager
from services.identity.api.gateway_enrolling import GatewayEnroller
from services.identity.api.parts import TheSettings, TheSigner
from services.identity.api.schemas import Change, Code, GivenSecret, IfMatch, Line, expected_version, tag
from services.identity.api.tokens import AccessToken, EnrolmentBody
from services.identity.domain.device_gateways import LARGEST_TILL_COUNT, Gateway
from services.identity.domain.refusals import unknown
from services.identity.storage.repositories.device_gateways import GatewayRepository
from services.identity.use_cases.add_gateway import add_gateway
from services.identity.use_cases.change_gateway import change_gateway
from services.identity.use_cases.issue_gateway_code import issue_gateway_code
from services.identity.use_cases.rights import stores_within
from services.identity.use_cases.sign_in_devices import sign_gateway_in

router = APIRouter(tags=["gateways"])
TheEnroller = Annotated[GatewayEnroller, resource(GatewayEnroller)]


def _each_once(till_ids: tuple[UUID, ...]) -> tuple[UUID, ...]:
    if len(set(till_ids)) != len(till_ids):
        raise ValueError("name each till once")
    return tuple(sorted(till_ids))


TillIds = Annotated[
    tuple[UUID, ...],
    Field(max_length=LARGEST_TILL_COUNT, description="The tills of the same store whose devices it owns."),
    AfterValidator(_each_once),
]


class NewGateway(RequestBody):
    """A device gateway as it begins: without a PC."""

    store_id: UUID
    code: Code
    name: Line
    till_ids: TillIds = ()


class GatewayChange(Change):
    """What may change of a gateway. One that is not active gets no token, and its user at the broker is removed."""

    clearable: ClassVar[frozenset[str]] = frozenset()

    name: Line = ""
    till_ids: TillIds = ()
    active: bool = True


class GatewayView(BaseModel):
    """A gateway as it is now; `enrolled_at` is when its present PC took its code."""

    id: UUID
    store_id: UUID
    code: str
    name: str
    till_ids: tuple[UUID, ...]
    active: bool
    enrolled: bool
    enrolled_at: datetime | None
    version: int

    @classmethod
    def of(cls, gateway: Gateway) -> GatewayView:
        """A gateway as it is shown."""
        return cls.model_validate(gateway, from_attributes=True)


class GatewayCodeView(BaseModel):
    """A code to type at the PC, shown this once."""

    gateway_id: UUID
    code: str
    expires_at: datetime


class ServedTill(BaseModel):
    """A till whose devices the gateway owns; `code` is what people call it."""

    till_id: UUID
    code: str


class BrokerView(BaseModel):
    """Where the message bus is, with a user and a password of the gateway's own in the URL."""

    url: str


class GatewayEnrolmentView(BaseModel):
    """Who the PC is from now on. Secret and URL are told this once: keep them safe on the PC.

    `broker` is null where gateways have no user of their own: the installation's broker URL is used then.
    """

    gateway_id: UUID
    store_id: UUID
    secret: str
    tills: tuple[ServedTill, ...]
    broker: BrokerView | None


class GatewayTokenBody(RequestBody):
    """A gateway and its secret."""

    gateway_id: UUID
    secret: GivenSecret


class GatewayToken(AccessToken):
    """A token of a device gateway."""

    gateway_id: UUID
    store_id: UUID


@router.post("/gateways", status_code=201, summary="Add a device gateway to a store")
async def add(body: NewGateway, response: Response, work: Work, caller: StoreManager) -> GatewayView:
    new = Gateway(
        new_id(), body.store_id, body.code, body.name, body.till_ids, active=True, enrolled_at=None, version=1
    )
    gateway = await add_gateway(work, caller, new)
    tag(response, gateway.version)
    return GatewayView.of(gateway)


@router.get("/gateways", summary="The device gateways of the caller's stores, by store and code")
async def read_all(
    paging: Paging,
    connection: Reading,
    caller: Reader,
    store_id: Annotated[UUID | None, Query(description="Only those of this store.")] = None,
) -> Page[GatewayView]:
    gateways = await GatewayRepository(connection).page(
        within=stores_within(caller),
        store_id=store_id,
        after=paging.after_keys(UUID, str, UUID),
        rows=paging.limit + 1,
    )
    return paging.page(gateways, lambda gateway: (gateway.store_id, gateway.code.lower(), gateway.id), GatewayView.of)


@router.get("/gateways/{gateway_id}", summary="A device gateway")
async def read(gateway_id: UUID, caller: Reader, connection: Reading, response: Response) -> GatewayView:
    gateway = await GatewayRepository(connection).find(gateway_id)
    if gateway is None:
        raise unknown("gateway", gateway_id)
    caller.demand_store(gateway.store_id)
    tag(response, gateway.version)
    return GatewayView.of(gateway)


@router.patch("/gateways/{gateway_id}", summary="Change a device gateway")
async def patch(
    gateway_id: UUID,
    body: GatewayChange,
    response: Response,
    work: Work,
    caller: StoreManager,
    if_match: IfMatch = None,
) -> GatewayView:
    expected = expected_version(if_match, body.version)
    gateway = await change_gateway(work, caller, gateway_id, expected, body.changes())
    tag(response, gateway.version)
    return GatewayView.of(gateway)


@router.post("/gateways/{gateway_id}/enrolment-codes", status_code=201, summary="Issue a one-time code for a store PC")
async def issue_code(gateway_id: UUID, work: Work, caller: StoreManager, settings: TheSettings) -> GatewayCodeView:
    issued = await issue_gateway_code(work, caller, gateway_id, timedelta(seconds=settings.enrolment_code_life_s))
    return GatewayCodeView(gateway_id=gateway_id, code=issued.code, expires_at=issued.expires_at)


@router.post(
    "/gateway-enrolments", status_code=201, responses=problems(403), summary="Turn a store PC into a device gateway"
)
async def enrol(body: EnrolmentBody, request: Request, enroller: TheEnroller) -> GatewayEnrolmentView:
    """The PC that was this gateway before is locked out, here and at the message bus."""
    enrolled = await enroller.enrol(origin_of(request), body.code)
    gateway = enrolled.enrolment.gateway
    return GatewayEnrolmentView(
        gateway_id=gateway.id,
        store_id=gateway.store_id,
        secret=enrolled.enrolment.secret,
        tills=tuple(ServedTill(till_id=till.id, code=till.code) for till in enrolled.enrolment.tills),
        broker=BrokerView(url=enrolled.broker_url) if enrolled.broker_url is not None else None,
    )


@router.post("/tokens/gateway", status_code=201, responses=problems(401, 403), summary="Get a token for a gateway")
async def gateway_token(body: GatewayTokenBody, work: Work, signer: TheSigner, settings: TheSettings) -> GatewayToken:
    life = timedelta(seconds=settings.gateway_token_life_s)
    token, gateway = await sign_gateway_in(work, signer, body.gateway_id, body.secret.get_secret_value(), life)
    return GatewayToken(
        access_token=token.text, expires_at=token.expires_at, gateway_id=gateway.id, store_id=gateway.store_id
    )
