"""python-socketio, as an application uses it, with threads or with asyncio.

Its options are the argument; see ../README.md for what is said.
"""

import asyncio
import base64
import json
import sys
import threading

import socketio

OPTIONS = json.loads(sys.argv[1])
RECONNECTION = {"reconnection_delay": 0.2, "reconnection_delay_max": 1}
CONNECTION = {
    "transports": OPTIONS["transports"],
    "headers": {"Authorization": "Bearer " + OPTIONS["token"]},
}


# The client calls handlers on threads of its own.
SPEAKING = threading.Lock()


def say(fact, **more):
    line = json.dumps({"fact": fact, **more}, separators=(",", ":"))
    with SPEAKING:
        print(line, flush=True)


def listen(sio):
    """What is the same with threads and with asyncio."""

    @sio.on("connect")
    def connected():
        say("connected")

    @sio.on("auth:success")
    def welcome(_):
        say("welcome")

    @sio.on("disconnect")
    def disconnected(*reason):
        say("disconnected", reason=str(reason))

    @sio.on("connect_error")
    def refused(data):
        say("refused", reason=str(data))

    @sio.on("receive_message")
    def received(message):
        content = message["ciphertext"]
        told = {"text": content}
        if isinstance(content, bytes):
            told = {"base64": base64.b64encode(content).decode()}
        say("received", seq=message["seq"], transport=sio.transport(), **told)


def message(line):
    command = json.loads(line)
    content = command.get("text")
    if content is None:
        content = base64.b64decode(command["base64"])
    return {
        "recipientId": OPTIONS["userId"],
        "ciphertext": content,
        "iv": "i",
        "tag": "t",
        "seq": command["seq"],
    }


def acknowledged(sent):
    def answered(answer):
        say("acknowledged", seq=sent["seq"], success=answer["success"])

    return answered


def with_threads():
    sio = socketio.Client(**RECONNECTION)
    listen(sio)
    try:
        sio.connect(OPTIONS["url"], **CONNECTION)
    except socketio.exceptions.ConnectionError as error:
        say("refused", reason=str(error))
    for line in sys.stdin:
        sent = message(line)
        sio.emit("send_message", sent, callback=acknowledged(sent))


async def with_asyncio():
    sio = socketio.AsyncClient(**RECONNECTION)
    listen(sio)
    try:
        await sio.connect(OPTIONS["url"], **CONNECTION)
    except socketio.exceptions.ConnectionError as error:
        say("refused", reason=str(error))
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        sent = message(line)
        await sio.emit("send_message", sent, callback=acknowledged(sent))


if OPTIONS["form"] == "sync":
    with_threads()
else:
    asyncio.run(with_asyncio())
