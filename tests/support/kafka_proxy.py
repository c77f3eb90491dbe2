#!/usr/bin/env python3
"""A proxy before a broker that can lose a kind of request, or its answer.

    kafka_proxy.py LISTEN BROKER      ports of 127.0.0.1; the broker is told by `config/kafka/broker --advertise`
                                      to send its clients to LISTEN

Reads orders from standard input, a line each, and writes what it did to standard output:

    answers close KEY    requests of this API key go to the broker, but at the answer the connection is closed;
                         a further such request closes it at once
    answers hold KEY     ... the connection stands still instead, until `pass`
    requests close KEY   such requests do not get to the broker, the connection is closed
    requests hold KEY    ... the connection stands still, the request included, until `pass`
    pass                 all go through, also what was held

A request begins with its size, API key, API version and a correlation id, which its answer has behind the size.
Source: https://kafka.apache.org/protocol#protocol_messages
"""
import asyncio
import pathlib
import queue
import struct
import subprocess
import sys
import threading

END_TXN = 26  # the API key of a transaction's commit or abort


class Rule:
    """The order that is in force."""

    def __init__(self):
        self.order = None  # (what, how, key)
        self.passing = asyncio.Event()
        self.passing.set()
        self.fired = 0

    def give(self, line):
        words = line.split()
        if words == ["pass"]:
            self.order = None
            self.passing.set()
        elif len(words) == 3 and words[0] in ("answers", "requests") and words[1] in ("close", "hold"):
            self.order = words[0], words[1], int(words[2])
            self.fired = 0
            self.passing.clear()
        else:
            sys.exit(f"an unknown order: {line}")
        print(f"ordered {line}", flush=True)

    def applies_to(self, what, key):
        return self.order is not None and self.order[0] == what and self.order[2] == key

    async def fire(self, what, key):
        """Whether the connection goes on, afterwards."""
        self.fired += 1
        how = self.order[1]
        print(f"fired {what} {how} {key}", flush=True)
        if how == "close":
            return False
        await self.passing.wait()
        return True


class Connection:
    def __init__(self, rule, client, broker):
        self.rule, self.client, self.broker = rule, client, broker
        self.asked = {}  # correlation id of a request without its answer yet: API key

    async def frames(self, reader):
        while True:
            head = await reader.readexactly(4)
            yield head + await reader.readexactly(struct.unpack(">i", head)[0])

    async def requests(self):
        async for frame in self.frames(self.client[0]):
            key, _, correlation = struct.unpack_from(">hhi", frame, 4)
            lost = self.rule.applies_to("requests", key)
            repeated = self.rule.applies_to("answers", key) and self.rule.fired > 0
            if (lost or repeated) and not await self.rule.fire("requests", key):
                return
            self.asked[correlation] = key
            self.broker[1].write(frame)
            await self.broker[1].drain()

    async def answers(self):
        async for frame in self.frames(self.broker[0]):
            key = self.asked.pop(struct.unpack_from(">i", frame, 4)[0], None)
            if key is not None and self.rule.applies_to("answers", key) and not await self.rule.fire("answers", key):
                return
            self.client[1].write(frame)
            await self.client[1].drain()

    async def run(self):
        tasks = [asyncio.create_task(self.requests()), asyncio.create_task(self.answers())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.client[1].close()
        self.broker[1].close()


async def serve(listen, broker):
    rule = Rule()

    async def accept(reader, writer):
        try:
            upstream = await asyncio.open_connection("127.0.0.1", broker)
        except OSError:
            writer.close()
            return
        await Connection(rule, (reader, writer), upstream).run()

    server = await asyncio.start_server(accept, "127.0.0.1", listen, reuse_address=True)
    print(f"listening on {listen}", flush=True)
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def orders():
        for line in sys.stdin:
            loop.call_soon_threadsafe(rule.give, line.strip())
        loop.call_soon_threadsafe(ended.set_result, None)

    threading.Thread(target=orders, daemon=True).start()
    await ended
    server.close()


class Proxy:
    """The process, for a test."""

    def __init__(self, listen, broker):
        self.process = subprocess.Popen([pathlib.Path(__file__).resolve(), str(listen), str(broker)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.said = queue.Queue()
        threading.Thread(target=lambda: [self.said.put(line.strip()) for line in self.process.stdout], daemon=True).start()
        self.expect("listening", 10)

    def expect(self, start, seconds):
        """Waits for a line that starts so."""
        try:
            while not (line := self.said.get(timeout=seconds)).startswith(start):
                pass
            return line
        except queue.Empty:
            raise TimeoutError(f"the proxy did not say {start} within {seconds} s") from None

    def order(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        self.expect(f"ordered {line}", 10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=10)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
