"""The Python function."""

import json
import os
import socket
import tempfile
import time
import urllib.error
import urllib.request

turns = 0


def handle(event):
    global turns
    turns += 1
    with open(event["Handled"], "a") as f:
        f.write(event["Case"] + "\n")
    return {"statusCode": 200, "body": json.dumps({"sku": event["SKU"], "turn": turns, "pid": os.getpid(), "seen": look(event)})}


def look(event):
    pid = os.getppid() if event.get("Of") == "parent" else os.getpid()
    probe = event.get("Probe")
    if probe == "disk":
        stat = os.statvfs(tempfile.gettempdir())
        return stat.f_bavail * stat.f_frsize >> 20
    if probe == "memory":
        with open(f"/proc/{pid}/statm") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE") >> 20
    if probe == "cpu":
        first = ticks(pid)
        for _ in range(60):
            time.sleep(0.05)
            if ticks(pid) - first >= 8:
                return True
        return False
    if probe == "descriptors":
        return opened(event["Descriptors"])
    if probe == "lookup":
        try:
            socket.getaddrinfo(event["Host"], 80)
            return True
        except OSError:
            return False
    if probe == "http":
        try:
            return urllib.request.urlopen(event["URL"]).status
        except urllib.error.HTTPError as error:
            return error.code
    return None


def ticks(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def opened(most):
    files = []
    try:
        while len(files) < most:
            files.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    finally:
        for f in files:
            os.close(f)
    return len(files)


def stream(event):
    yield b"first piece\n"
    urllib.request.urlopen(event["Gate"]).close()  # answers when the first piece has arrived
    yield b"0123456789abcdef" * 8192
    yield b"\x00last\r\n"
