"""Does what each line of standard input says, in one process, and answers in one line."""
import socket
import struct
import sys


def lookup(name, family="0"):
    return socket.getaddrinfo(name, 80, int(family), socket.SOCK_STREAM)[0][4][0]


def by_name(name):
    return socket.gethostbyname(name)


def by_name_ex(name):
    return socket.gethostbyname_ex(name)[2][0]


def connect(name, port, timeout="10"):
    with socket.create_connection((name, int(port)), float(timeout)):
        return "connected"


def connect_address(address, port):
    with socket.socket() as s:
        s.connect((address, int(port)))
        return "connected"


def query(way, server, name):
    question = b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0\0\1\0\1"
    message = struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + question
    stream = way.startswith("tcp")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM) as s:
        s.settimeout(0.2 if way.endswith("-lost") else 10)
        way = way.removesuffix("-lost")
        if way == "sendto":
            s.sendto(message, (server, 53))
        elif way == "sendmsg":
            s.sendmsg([message], [], 0, (server, 53))
        else:
            s.connect((server, 53))
            s.send(struct.pack(">H", len(message)) + message if stream else message)
        return "answer" if s.recv(512) else "closed"


for line in sys.stdin:
    command, *arguments = line.split()
    try:
        answer = globals()[command](*arguments)
    except socket.gaierror as e:
        answer = "nxdomain" if e.errno == socket.EAI_NONAME else str(e)
    except socket.herror as e:
        answer = "nxdomain" if e.errno == 1 else str(e)
    except ConnectionRefusedError:
        answer = "refused"
    except (socket.timeout, TimeoutError):
        answer = "timeout"
    except OSError as e:
        answer = str(e)
    print(answer, flush=True)
