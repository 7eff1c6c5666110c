"""One conversation with a Tidings server through the Python SDK: `conversation.py URL json|protobuf`.

Prints one JSON object on success; anything unexpected raises.
"""

import asyncio
import json
import sys

from centrifuge import Client, SubscriptionEventHandler


class Collector(SubscriptionEventHandler):
    def __init__(self):
        self.publications = asyncio.Queue()
        self.subscribed = asyncio.Queue()

    async def on_subscribed(self, ctx):
        await self.subscribed.put(ctx)

    async def on_publication(self, ctx):
        await self.publications.put(ctx.pub)


async def converse(url, protobuf):
    def encode(value):
        return json.dumps(value).encode() if protobuf else value

    def decode(data):
        return json.loads(data) if protobuf else data

    client = Client(url, use_protobuf=protobuf)
    await client.connect()
    await client.ready()
    collector = Collector()
    subscription = client.new_subscription("python", collector, recoverable=True)
    await subscription.subscribe()
    await subscription.ready()
    await collector.subscribed.get()

    await subscription.publish(encode({"n": 1}))
    live = await collector.publications.get()

    # Away while two more are published through another client, then back: both are recovered, in order.
    await client.disconnect()
    other = Client(url, use_protobuf=protobuf)
    await other.connect()
    await other.ready()
    for n in (2, 3):
        await other.publish("python", encode({"n": n}))
    await client.connect()
    await client.ready()
    back = await collector.subscribed.get()
    recovered = [await collector.publications.get() for _ in range(2)]

    history = await subscription.history(limit=10)
    presence = await subscription.presence_stats()
    result = {
        "live": decode(live.data),
        "was_recovering": back.was_recovering,
        "recovered": back.recovered,
        "publications": [decode(pub.data) for pub in recovered],
        "history": len(history.publications),
        "clients": presence.num_clients,
    }
    await other.disconnect()
    await client.disconnect()
    return result


url, codec = sys.argv[1:]
print(json.dumps(asyncio.run(asyncio.wait_for(converse(url, codec == "protobuf"), 20))))
