"""Ports for the parts: the usual one where it is free, any other where it is not."""

import socket

from services.shared.servers import SeaweedPorts

#: What a newcomer would guess; not Redis's own port, so as not to stand in a local Redis's way.
USUAL_API_PORT = 8000
USUAL_REDIS_PORT = 6380
USUAL_S3_PORT = 8333
#: SeaweedFS's gRPC twin of a port.
GRPC_OFFSET = 10_000


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket(_family(host)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def usual_or_free(usual: int, host: str = "127.0.0.1") -> int:
    """`usual` if nobody listens there, else a port that the system picks."""
    if is_free(usual, host):
        return usual
    with socket.socket(_family(host)) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def seaweed_ports(usual: int) -> SeaweedPorts:
    """SeaweedFS's ports, with S3 at `usual` if that and its gRPC twin are free."""
    return SeaweedPorts.choose(usual if is_free(usual) and is_free(usual + GRPC_OFFSET) else None)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
