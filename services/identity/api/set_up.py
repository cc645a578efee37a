"""Set-up, once, and the chain itself."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from libs.web.authentication import Caller, RequestBody
from libs.web.openapi import problems
from libs.web.transactions import Reading, Work, origin_of
from services.identity.api.callers import StoreManager
from services.identity.api.parts import TheDatabase, TheHasher, TheProver, TheSettings
from services.identity.api.schemas import (
    Change,
    Code,
    GivenSecret,
    IfMatch,
    LanguageTag,
    Line,
    NewPassword,
    NewPin,
    expected_version,
    tag,
)
from services.identity.api.staff import StaffView
from services.identity.api.stores import NewStore, StoreView
from services.identity.domain.refusals import SetUpNotAllowed
from services.identity.domain.stores import Chain
from services.identity.storage.repositories.chains import ChainRepository
from services.identity.use_cases.add_staff import StaffDraft
from services.identity.use_cases.change_chain import change_chain
from services.identity.use_cases.set_up_chain import set_up_chain

router = APIRouter(tags=["chain"])


class FirstAdministrator(RequestBody):
    """Who may do everything, in all stores."""

    code: Code
    name: Line
    pin: NewPin
    password: NewPassword
    language: LanguageTag | None = None


class SetUpBody(RequestBody):
    """Everything an installation begins with."""

    setup_code: GivenSecret
    chain_name: Line
    administrator: FirstAdministrator
    store: NewStore | None = None


class ChainView(BaseModel):
    """The chain."""

    id: UUID
    name: str
    version: int

    @classmethod
    def of(cls, chain: Chain) -> ChainView:
        """The chain as it is shown."""
        return cls(id=chain.id, name=chain.name, version=chain.version)


class SetUpView(BaseModel):
    """What set-up made. Sign on with POST /identity/v1/office-sign-ons."""

    chain: ChainView
    administrator: StaffView
    store: StoreView | None


class ChainChange(Change):
    """What may change of the chain."""

    name: Line = ""


@router.post("/set-up", status_code=201, responses=problems(401, 403, 429), summary="Set the installation up, once")
async def set_up(
    request: Request,
    body: SetUpBody,
    database: TheDatabase,
    prover: TheProver,
    hasher: TheHasher,
    settings: TheSettings,
) -> SetUpView:
    origin = origin_of(request)
    expected = settings.setup_code.get_secret_value() if settings.setup_code else None
    if expected is None:
        raise SetUpNotAllowed("The operator has to set TILLSTREAM_IDENTITY_SETUP_CODE first.")
    await prover.prove_set_up_code(origin, body.setup_code.get_secret_value(), expected)
    first = body.administrator
    draft = StaffDraft(
        code=first.code,
        name=first.name,
        language=first.language,
        all_stores=True,
        store_ids=frozenset(),
        roles=frozenset({"administrator"}),
        pin_hash=await hasher.hash(first.pin.get_secret_value()),
        password_hash=await hasher.hash(first.password.get_secret_value()),
    )
    async with database.transaction(origin) as work:
        made = await set_up_chain(work, body.chain_name, draft, body.store.store() if body.store else None)
    return SetUpView(
        chain=ChainView.of(made.chain),
        administrator=StaffView.of(made.administrator),
        store=StoreView.of(made.store) if made.store else None,
    )


@router.get("/chain", summary="The chain")
async def read_chain(caller: Caller, connection: Reading, response: Response) -> ChainView:
    chain = await ChainRepository(connection).get()
    tag(response, chain.version)
    return ChainView.of(chain)


@router.patch("/chain", summary="Rename the chain")
async def patch_chain(
    body: ChainChange,
    response: Response,
    work: Work,
    caller: StoreManager,
    if_match: IfMatch = None,
) -> ChainView:
    chain = await change_chain(work, caller, expected_version(if_match, body.version), body.changes())
    tag(response, chain.version)
    return ChainView.of(chain)
