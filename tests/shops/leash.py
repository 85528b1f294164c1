"""Runs a command; once whoever started this is gone, even killed, ends the command and all that it started.

The starter holds the other end of standard input and writes nothing to it: with its process the kernel closes that end.
To be started in a process group of its own, with standard input a pipe.
"""

import os
import signal
import subprocess
import sys
import threading


def main() -> None:
    """Run the command in the arguments until it ends or the starter does."""
    led = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    threading.Thread(target=lambda: os._exit(led.wait() & 0xFF), daemon=True).start()
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
