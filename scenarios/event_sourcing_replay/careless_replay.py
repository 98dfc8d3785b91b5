"""Replays dead letters as one writes it in a hurry: no ledger, and acknowledged only when all have been sent, "so that nothing gets lost".

With --as-they-are they keep the headers of their past, as a shovel or a click on "move messages" leaves them. The address is in AMQP_URL.
"""

from __future__ import annotations

import os
import sys

import pika

RATE = 20
channel = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])).channel()
channel.confirm_delivery()
last = 0
for _ in range(channel.queue_declare("ledger.dead", passive=True).method.message_count):
    method, properties, body = channel.basic_get("ledger.dead")
    if "--as-they-are" not in sys.argv:
        properties.headers = {}
    channel.basic_publish("", "ledger", body, properties)
    last = method.delivery_tag
    channel.connection.sleep(1 / RATE)
channel.basic_ack(last, multiple=True)
print(f"replayed {last} messages")
