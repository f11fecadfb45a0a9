"""Which IP addresses lie on the public internet, so that a request there reaches nothing of the operator's own."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

#: Not for strangers, whatever the registry says of them: the cloud's own services under public addresses, ranges
#: that some releases of Python call global, and relays that lead to addresses which are not the ones that were judged.
_PRIVATE_V4: Final = tuple(
    map(
        IPv4Network,
        (
            "168.63.129.16/32",  # Azure's platform
            "192.0.0.0/24",  # protocol assignments; Oracle's metadata
            "192.88.99.0/24",  # 6to4 relays
        ),
    )
)
#: What is routed today. Everything else, IPv4 in any of IPv6's clothes included, is refused.
_GLOBAL_V6: Final = IPv6Network("2000::/3")
_PRIVATE_V6: Final = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments; Teredo, which holds an IPv4 address
            "2002::/16",  # 6to4, which holds one too
            "3fff::/20",  # documentation
        ),
    )
)
#: How networks without IPv4 reach it: the last 32 bits are the address that counts.
_NAT64: Final = IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether `address`, as a resolver writes it, is one of the public internet; what is no address is not."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return _is_public_v4(found) if isinstance(found, IPv4Address) else _is_public_v6(found)


def _is_public_v4(address: IPv4Address) -> bool:
    odd = address.is_multicast or address.is_reserved or any(address in network for network in _PRIVATE_V4)
    return address.is_global and not odd


def _is_public_v6(address: IPv6Address) -> bool:
    if address in _NAT64:
        return _is_public_v4(IPv4Address(int(address) & 0xFFFF_FFFF))
    if address.scope_id is not None or any(address in network for network in _PRIVATE_V6):
        return False
    return address in _GLOBAL_V6 and address.is_global
