"""An event loop: timers, a pipe, a queue, an executor, cancellation, a time limit."""
import asyncio
import os


async def ticks(q):
    for i in range(5):
        await asyncio.sleep(0.01)
        await q.put(i)


async def main():
    q = asyncio.Queue()
    task = asyncio.create_task(ticks(q))
    print([await q.get() for _ in range(5)])
    await task
    try:
        await asyncio.wait_for(asyncio.sleep(30), 0.05)
    except asyncio.TimeoutError:
        print("time limit")
    loop = asyncio.get_running_loop()
    print(await loop.run_in_executor(None, sum, range(1000)))
    r, w = os.pipe()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(r, "rb"))
    loop.call_later(0.02, lambda: (os.write(w, b"line\n"), os.close(w)))
    print(await reader.readline(), await reader.read())
    sleeper = asyncio.create_task(asyncio.sleep(30))
    loop.call_soon(sleeper.cancel)
    print(await asyncio.gather(sleeper, return_exceptions=True))


asyncio.run(main())
