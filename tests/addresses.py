"""URLs that strangers must not make us ask, and those they may. One table for webhooks and references by URL."""

from dataclasses import dataclass, field
from typing import Any

import httpcore

from services.shared.outbound.testing import ScriptedResolver

#: What the scripted resolver says of the names in the tables.
NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    "printer.internal": ["192.168.1.20"],
    "metadata.google.internal": ["169.254.169.254"],
    "two-faced.test": ["93.184.215.14", "10.0.0.1"],
    "mapped.test": ["::ffff:10.0.0.1"],
    "translated.test": ["64:ff9b::a00:1"],
    "linked.test": ["fe80::1%eth0"],
    "bücher.test": ["93.184.215.14"],
    "xn--bcher-kva.test": ["93.184.215.14"],
    "six.test": ["2606:4700::1111"],
    "reached-by-nat64.test": ["64:ff9b::5db8:d70e"],
}

BAD = [
    # Loopback, private, link-local, shared, reserved and multicast IPv4.
    "https://127.0.0.1/",
    "https://127.8.8.8:8443/",
    "https://0.0.0.0/",
    "https://0.1.2.3/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.0.1/",
    "https://169.254.1.1/",
    "https://100.64.0.1/",
    "https://100.127.255.254/",
    "https://192.0.0.8/",
    "https://192.0.2.1/",
    "https://198.18.0.1/",
    "https://198.51.100.1/",
    "https://203.0.113.1/",
    "https://192.88.99.1/",
    "https://224.0.0.1/",
    "https://239.255.255.250/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    # Clouds' metadata.
    "https://169.254.169.254/latest/meta-data/",
    "https://168.63.129.16/",
    "https://100.100.100.200/",
    "https://192.0.0.192/",
    "https://[fd00:ec2::254]/",
    "https://metadata.google.internal/",
    # The same IPv4 addresses in other notations.
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.1/",
    "https://10.1/",
    "https://127.0.0.1./",
    "https://127.0.0.0x1/",
    "https://8.8.8.8.8/",
    "https://256.256.256.256/",
    "https://１２７.0.0.1/",
    "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/",
    "https://%31%32%37.0.0.1/",
    # IPv6, with and without an IPv4 address inside.
    "https://[::]/",
    "https://[::1]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:8.8.8.8]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://[64:ff9b::127.0.0.1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b:1::1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:53aa:64c:0:0:80ff:fffe]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[100::1]/",
    "https://[5f00::1]/",
    "https://[fc00::1]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[127.0.0.1]/",
    "https://[v1.x]/",
    # Names.
    "https://localhost/",
    "https://LOCALHOST./",
    "https://printer.internal/",
    "https://two-faced.test/",
    "https://mapped.test/",
    "https://translated.test/",
    "https://linked.test/",
    "https://nobody-knows-this-name/",
    "https:///path",
    "https://a_name with spaces.test/",
    "https://-.test/",
    "https://.test/",
    f"https://{'a' * 64}.test/",
    "https://\u200d.test/",
    # Schemes, ports, credentials, and what parsers disagree about.
    "http://public.test/",
    "http://127.0.0.1/",
    "ftp://public.test/",
    "file:///etc/passwd",
    "gopher://public.test/",
    "javascript:alert(1)",
    "//public.test/",
    "public.test",
    "https://public.test:22/",
    "https://public.test:6379/",
    "https://public.test:0/",
    "https://public.test:65536/",
    "https://public.test:https/",
    "https://user:password@public.test/",
    "https://public.test@127.0.0.1/",
    "https://127.0.0.1\\@public.test/",
    "https://public.test\\.printer.internal/",
    "https://127.0.0.1#@public.test/",
    "https://public.test/\r\nX-Injected: yes",
    "https://public.test/\x00",
    "https://public.test/ HTTP/1.1",
]
GOOD = [
    "https://public.test/",
    "https://PUBLIC.test./with/a?query=1#and-a-fragment",
    "https://public.test:8443/",
    "https://93.184.215.14/",
    "https://[2606:4700::1111]/",
    "https://six.test/",
    "https://reached-by-nat64.test/",
    "https://bücher.test/grüße?ü=ü",
]


def resolver() -> ScriptedResolver:
    scripted = ScriptedResolver()
    scripted.answers = {name: [addresses] for name, addresses in NAMES.items()}
    return scripted


@dataclass
class Wire(httpcore.NetworkBackend):
    """A network on which every address answers with `says`, and every connection is noted."""

    says: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    connected: list[tuple[str, int]] = field(default_factory=list)
    #: Server names that TLS was asked to check.
    checked: list[str | None] = field(default_factory=list)
    written: list[bytes] = field(default_factory=list)
    #: Addresses that refuse connections.
    dead: set[str] = field(default_factory=set)

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        self.connected.append((host, port))
        if host in self.dead:
            raise httpcore.ConnectError(f"{host} refuses.")
        return WireStream(self)


class WireStream(httpcore.MockStream):
    """One connection: the answer, in one piece, and a note of what is written."""

    def __init__(self, wire: Wire) -> None:
        super().__init__([wire.says])
        self._wire = wire

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._wire.written.append(buffer)

    def start_tls(self, _context: Any, server_hostname: str | None = None, *_: Any) -> httpcore.NetworkStream:
        self._wire.checked.append(server_hostname)
        return self


def redirect(location: str) -> bytes:
    """An answer that sends the asker elsewhere, byte by byte as a hostile server would."""
    return b"HTTP/1.1 302 Found\r\nLocation: " + location.encode() + b"\r\nContent-Length: 0\r\n\r\n"
