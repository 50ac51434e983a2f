"""From frames to packets: which step reads which header."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from residency.traffic.capture import links, network, transports, tunnels
from residency.traffic.capture.peel import Indexes, Layer, Peeling

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from residency.traffic.capture.frames import Account, Frames
    from residency.traffic.capture.packets import Packets

_STEPS: Mapping[Layer, Callable[[Peeling, Indexes], None]] = {
    Layer.ETHERNET: links.peel_ethernet,
    Layer.VLAN: links.peel_vlan,
    Layer.LLC: links.peel_llc,
    Layer.COOKED: links.peel_cooked,
    Layer.COOKED_2: links.peel_cooked_2,
    Layer.LOOPBACK: links.peel_loopback,
    Layer.PPP: links.peel_ppp,
    Layer.PPPOE: links.peel_pppoe,
    Layer.CISCO_HDLC: links.peel_cisco_hdlc,
    Layer.MPLS: links.peel_mpls,
    Layer.RAW_IP: network.peel_raw_ip,
    Layer.IPV4: network.peel_ipv4,
    Layer.IPV6: network.peel_ipv6,
    Layer.EXTENSION: network.peel_extension,
    Layer.FRAGMENT: network.peel_fragment,
    Layer.AUTHENTICATION: network.peel_authentication,
    Layer.TCP: transports.peel_tcp,
    Layer.UDP: transports.peel_udp,
    Layer.SCTP: transports.peel_sctp,
    Layer.GRE: tunnels.peel_gre,
    Layer.ERSPAN_2: tunnels.peel_erspan_2,
    Layer.ERSPAN_3: tunnels.peel_erspan_3,
    Layer.ETHERIP: tunnels.peel_etherip,
    Layer.VXLAN: tunnels.peel_vxlan,
    Layer.GENEVE: tunnels.peel_geneve,
    Layer.GTP_U: tunnels.peel_gtp_u,
    Layer.GTP_U_EXTENSION: tunnels.peel_gtp_u_extension,
}


def decode(frames: Frames, account: Account) -> Packets:
    """Return the packets of these frames that carry IP, and count the others in `account.other`."""
    peeling = Peeling(frames)
    everything = np.arange(len(frames), dtype=np.int64)
    peeling.dispatch(everything, frames.link_type, links.LINK_TYPES, lambda value: f"link type {value}")
    peeling.run(_STEPS)
    for reason, count in peeling.other.items():
        account.set_aside(reason, count)
    return peeling.packets()
