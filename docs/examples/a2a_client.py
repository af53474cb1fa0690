"""Another vendor's client, the SDK of the A2A project (`pip install a2a-sdk`): from the card to the result."""

import asyncio
import sys

import httpx
from a2a.client import A2ACardResolver, ClientConfig, create_client
from a2a.helpers import get_stream_response_text, new_text_message
from a2a.types import Role, SendMessageRequest


async def main(address: str, goal: str) -> None:
    async with httpx.AsyncClient() as http:
        card = await A2ACardResolver(http, address).get_agent_card()
        print(f"{card.name}: {', '.join(skill.id for skill in card.skills)}")
        client = await create_client(card, ClientConfig(httpx_client=http))
        message = new_text_message(goal, role=Role.ROLE_USER)
        async for said in client.send_message(SendMessageRequest(message=message)):
            if text := get_stream_response_text(said):
                print(text)


asyncio.run(main(*sys.argv[1:]))
