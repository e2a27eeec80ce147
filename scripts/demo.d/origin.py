"""One of the demo's origin servers: it serves files, has a limited capacity, and tells how much of it is used.

    python3 origin.py NAME HTTP-PORT AGENT-PORT SLOTS

A request holds one of SLOTS for a while; so does other work, which the demo orders on stdin: `work 0.8`, and also what
the agent-check says besides: `say drain`. Each report goes to stdout too: `load 0.43`.
"""
import asyncio
import collections
import random
import sys

SERVICE = 0.03  # seconds that a request holds a slot, on average
WINDOW = 1.0    # seconds that a report looks back
TICK = 0.02


class Origin:
    def __init__(self, name, slots):
        self.name, self.slots = name, asyncio.Semaphore(slots)
        self.capacity, self.busy = slots, 0
        self.samples = collections.deque(maxlen=int(WINDOW / TICK))
        self.word = ""
        self.work = 0.0

    async def hold(self, seconds):
        async with self.slots:
            self.busy += 1
            await asyncio.sleep(seconds)
            self.busy -= 1

    def load(self):
        return sum(self.samples) / max(1, len(self.samples)) / self.capacity

    async def sample(self):
        while True:
            self.samples.append(self.busy)
            await asyncio.sleep(TICK)

    async def other_work(self):
        """Enough of it to keep the ordered share of all slots busy."""
        while True:
            if self.work > 0:
                asyncio.create_task(self.hold(0.1))
            await asyncio.sleep(0.1 / (self.capacity * self.work) if self.work > 0 else TICK)

    async def serve(self, reader, writer):
        try:
            request = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            if not request.startswith(b"GET /healthz "):
                await self.hold(random.expovariate(1 / SERVICE))
            body = b"served by %s\n" % self.name.encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"
                         % (len(body), body))
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
            pass
        finally:
            writer.close()

    async def report(self, reader, writer):
        load = self.load()
        writer.write(b"%d%% %s\n" % (max(1, round(100 * (1 - load))), self.word.encode()))  # 0% would be drain
        writer.close()
        print("load %.2f" % load, flush=True)

    async def obey(self):
        lines = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        async for line in lines:
            order, _, value = line.decode().strip().partition(" ")
            if order == "work":
                self.work = float(value)
            elif order == "say":
                self.word = value


async def main(name, http_port, agent_port, slots):
    origin = Origin(name, int(slots))
    await asyncio.start_server(origin.serve, "127.0.0.1", int(http_port))
    await asyncio.start_server(origin.report, "127.0.0.1", int(agent_port))
    background = [asyncio.create_task(origin.sample()), asyncio.create_task(origin.other_work())]
    print("ready", flush=True)
    await origin.obey()  # the end of stdin is the end
    for task in background:
        task.cancel()


asyncio.run(main(*sys.argv[1:]))
