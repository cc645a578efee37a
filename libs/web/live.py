"""Live feeds: what a till or a dashboard watches by Server-Sent Events, fanned out between replicas by Redis.

A feed is a hint and may lose messages; whoever watches reads the state again after (re)connecting.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from pydantic import BaseModel
from redis.asyncio import Redis
from redis.exceptions import RedisError

KEEP_ALIVE_S = 15.0
AWAY_PAUSE_S = 2.0


class LiveFeed:
    """Publishes and watches topics, e.g. `sales.basket.<id>`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._publishing: set[asyncio.Task[None]] = set()

    def publish_soon(self, topic: str, message: BaseModel) -> None:
        """`publish` without waiting for it; made for `UnitOfWork.after_commit`, whose callbacks cannot wait."""
        task = asyncio.get_running_loop().create_task(self.publish(topic, message))
        # The loop holds tasks weakly: without this one may vanish before it has run.
        self._publishing.add(task)
        task.add_done_callback(self._publishing.discard)

    async def publish(self, topic: str, message: BaseModel) -> None:
        """Tell whoever watches; silently nobody if Redis is away, because the state itself is in the database."""
        try:
            await self._redis.publish(topic, message.model_dump_json())
        except RedisError:
            return

    @asynccontextmanager
    async def watch(self, topic: str) -> AsyncIterator[AsyncIterator[str]]:
        """Subscribe, then iterate over JSON texts. Subscribed on entry: read the state after entering, not before.

        While Redis is away there is silence, not an end: whoever watches reads the state now and then anyway.
        """
        async with self._redis.pubsub() as subscription:
            with suppress(RedisError):
                await subscription.subscribe(topic)

            async def messages() -> AsyncIterator[str]:
                while True:
                    try:
                        if not subscription.subscribed:
                            await subscription.subscribe(topic)
                        message = await subscription.get_message(ignore_subscribe_messages=True, timeout=KEEP_ALIVE_S)
                    except RedisError:
                        await asyncio.sleep(AWAY_PAUSE_S)
                        continue
                    if message is not None:
                        data = message["data"]
                        yield data.decode() if isinstance(data, bytes) else str(data)
                    await asyncio.sleep(0)

            yield messages()
