"""Clears what a broker retains of an erased wearer, and looks whether anything is left.

A connection of its own, beside the mailbox's, so that it also works while no service runs.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from aiomqtt import MqttError

from vagalwatch.deliver.homeassistant import discovery_topic
from vagalwatch.deliver.mqtt import connection, explain
from vagalwatch.deliver.mqtt_messages import INCOMING, OUTGOING, topic
from vagalwatch.deliver.port import UnavailableError
from vagalwatch.settings import ConfigError

if TYPE_CHECKING:
    from aiomqtt import Client

    from vagalwatch.settings import MqttSettings

QUIET_S: Final = 1.0
"""A broker sends what it retains at once after the subscription; then nothing more comes."""


class Cleared(NamedTuple):
    """What became of the retained messages."""

    found: int
    left: tuple[str, ...]
    """Topics that still hold something."""
    looked: bool
    """False: the broker's ACL does not let this account read them."""


async def clear_retained(settings: MqttSettings, site: str, wearer: str) -> Cleared:
    """Clear every retained topic of ``wearer``, whoever published it.

    Nothing of ``wearer`` may be published any more by anybody else of this service.

    Raises:
        UnavailableError: the broker did not confirm it.
    """
    every = (topic(site, wearer, "#"), device := discovery_topic(site, wearer))
    named = {device, *(topic(site, wearer, name) for name in (*OUTGOING, *INCOMING))}
    try:
        async with connection(settings, f"{site}-erase", will=False) as client:
            for each in every:
                await client.subscribe(each, qos=1)
            retained = await _retained(client)
            for name in sorted(named | retained):
                await client.publish(name, b"", qos=1, retain=True)
            # Its own words come back to who may read them: otherwise silence would mean nothing.
            heard = await _heard(client)
        async with connection(settings, f"{site}-erase", will=False) as client:
            for each in every:
                await client.subscribe(each, qos=1)
            left = await _retained(client)
    except (MqttError, ConfigError) as error:
        raise UnavailableError(explain(settings, error)) from error
    return Cleared(len(retained), tuple(sorted(left)), topic(site, wearer, "state") in heard)


async def _retained(client: Client) -> set[str]:
    """Topics on which the broker has kept something."""
    found: set[str] = set()
    with suppress(TimeoutError):
        async with asyncio.timeout(QUIET_S):
            async for message in client.messages:
                if message.retain and message.payload:
                    found.add(str(message.topic))
    return found


async def _heard(client: Client) -> set[str]:
    """Topics of which something comes."""
    heard: set[str] = set()
    with suppress(TimeoutError):
        async with asyncio.timeout(QUIET_S):
            async for message in client.messages:
                heard.add(str(message.topic))
    return heard
