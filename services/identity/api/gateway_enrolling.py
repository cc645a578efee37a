"""The edge of a gateway's enrolment: no transaction is open while the broker is asked for an account."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from libs.persistence import Database, Origin
from services.identity.domain.refusals import BrokerAway
from services.identity.gateways.broker_accounts import BrokerAccounts, BrokerNotReady
from services.identity.storage.repositories.device_gateways import GatewayRepository
from services.identity.use_cases.enrol_gateway import (
    GatewayEnrolment,
    begin_enrolment,
    conclude_enrolment,
    give_up_enrolment,
)

REMOVE_BATCH_ROWS = 50

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EnrolledGateway:
    """An enrolment, and the broker's URL with the gateway's own user; None where gateways have no user of their own."""

    enrolment: GatewayEnrolment
    broker_url: str | None


class GatewayEnroller:
    """Enrols gateways, and takes the accounts of those that were switched off away. Without `accounts`, no broker."""

    def __init__(self, database: Database, accounts: BrokerAccounts | None) -> None:
        self._database = database
        self._accounts = accounts

    async def enrol(self, origin: Origin, code: str) -> EnrolledGateway:
        """Spend the code. Raises the refusals of `begin_enrolment`, or BrokerAway: the code can be used again then."""
        if self._accounts is None:
            async with self._database.transaction(origin) as work:
                return EnrolledGateway(
                    await conclude_enrolment(work, await begin_enrolment(work, code, at_broker=False)), None
                )
        async with self._database.transaction(origin) as work:
            begun = await begin_enrolment(work, code, at_broker=True)
        try:
            url = await self._accounts.open(begun.gateway.id)
        except BrokerNotReady as error:
            async with self._database.transaction(origin) as work:
                await give_up_enrolment(work, begun, str(error))
            raise BrokerAway(
                f"The gateway cannot be given access to the message bus: {error}. Try the same code again in a moment; "
                "if it stays so, ask the operator to look at RabbitMQ."
            ) from error
        async with self._database.transaction(origin) as work:
            return EnrolledGateway(await conclude_enrolment(work, begun), url)

    async def remove_accounts(self) -> None:
        """Take away the accounts of gateways that are not active; what fails is tried again the next time."""
        if self._accounts is None:
            return
        async with self._database.reading() as connection:
            gateway_ids = await GatewayRepository(connection).with_account_to_remove(REMOVE_BATCH_ROWS)
        for gateway_id in gateway_ids:
            try:
                await self._accounts.remove(gateway_id)
            except BrokerNotReady as error:
                _log.warning("broker_account_stays", gateway_id=str(gateway_id), reason=str(error))
                return
            async with self._database.transaction() as work:
                await GatewayRepository(work.connection).forget_account(gateway_id)
