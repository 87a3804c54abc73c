"""The program ``scrapy`` of the tests: it has the server run the command, and ends as the command ends."""

import array
import os
import signal
import socket
import sys
import time

address, *arguments = sys.argv[1:]
server = socket.socket(socket.AF_UNIX)
deadline = time.monotonic() + 300
while True:
    try:
        server.connect(address)
        break
    except (FileNotFoundError, ConnectionRefusedError):
        # It imports what commands need.
        if time.monotonic() > deadline:
            raise
        time.sleep(0.02)
variables = [f"{name}={value}" for name, value in os.environ.items()]
order = b"\0".join(map(os.fsencode, [os.getcwd(), str(len(arguments)), *arguments, *variables]))  # noqa: PTH109
files = array.array("i", [0, 1, 2])
server.sendmsg([len(order).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
server.sendall(order)
pid = int.from_bytes(server.recv(4), "big")
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda received, _: os.kill(pid, received))
status = int.from_bytes(server.recv(4), "big", signed=True)
if status < 0:
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
sys.exit(status)
