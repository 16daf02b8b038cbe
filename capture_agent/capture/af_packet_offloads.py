"""What a network card does to packets before a packet socket sees them, asked with the ethtool ioctl.

With receive offload one captured frame holds many packets of the wire (up to 64 kB); with transmit
segmentation the server's own frames are larger than the wire allows. Neither harms the agent, but whoever
compares its counts with a switch's wants to know.
"""

from __future__ import annotations

import array
import fcntl
import socket
import struct

SIOCETHTOOL = 0x8946
"""Linux include/uapi/linux/sockios.h; the commands and flags below are of include/uapi/linux/ethtool.h."""
COMMANDS = {"rx_checksum": 0x14, "tx_checksum": 0x16, "tso": 0x1E, "gso": 0x23, "gro": 0x2B}
ETHTOOL_GFLAGS = 0x25
FLAGS = {"tx_vlan": 1 << 7, "rx_vlan": 1 << 8, "lro": 1 << 15}


def offloads(interface: str) -> dict[str, bool]:
    """State of each offload the driver tells about; empty for an interface without ethtool."""
    found: dict[str, bool] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for name, command in COMMANDS.items():
            value = _maybe_value(asking, interface, command)
            if value is not None:
                found[name] = value != 0
        flags = _maybe_value(asking, interface, ETHTOOL_GFLAGS)
    if flags is not None:
        found |= {name: flags & bit != 0 for name, bit in FLAGS.items()}
    return dict(sorted(found.items()))


def _maybe_value(asking: socket.socket, interface: str, command: int) -> int | None:
    """struct ethtool_value through struct ifreq; None if the driver does not answer the command."""
    value = array.array("I", [command, 0])
    address, _ = value.buffer_info()
    try:
        fcntl.ioctl(asking, SIOCETHTOOL, struct.pack("@16sP16x", interface.encode(), address))
    except OSError:
        return None
    return value[1]
