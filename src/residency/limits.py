"""Every cap that input can run into, in one frozen value; units stand in the names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Caps on what input may ask for. Each is far above honest use."""

    max_claim_file_bytes: int = 4 * 1024 * 1024
    max_claims_per_file: int = 1_000
    max_patterns_per_claim: int = 100_000
    max_decompressed_bytes: int = 1 << 40
    max_compression_ratio: int = 2_000
    max_line_bytes: int = 1 << 20
    max_log_fields: int = 1_000
    max_record_bytes: int = 1 << 62
    max_quarantine_in_report: int = 1_000
    max_value_characters: int = 80
    dns_grace_s: int = 300
    max_dns_ttl_s: int = 7 * 86_400
    assumed_dns_ttl_s: int = 300
    proxy_lead_s: int = 2
    first_ephemeral_port: int = 32_768
    max_rtt_ms: float = 60_000.0
    max_captured_packet_bytes: int = 256 * 1024
    max_damaged_packets: int = 10_000
    max_batch_packets: int = 65_536
    max_packet_layers: int = 32
    max_capture_interfaces: int = 65_536
    capture_window_bytes: int = 8 << 20
    list_max_age_days: int = 35
    database_max_age_days: int = 35
    # Names in packets.
    max_hello_bytes: int = 64 * 1024  # a ClientHello, in TLS records or in QUIC's CRYPTO stream
    max_hello_records: int = 2_048
    max_http_header_bytes: int = 16 * 1024
    max_quic_packets_per_datagram: int = 16
    max_quic_frames_per_packet: int = 1_024
    max_quic_pieces: int = 256  # CRYPTO frames that wait for what comes before them
    max_quic_failures: int = 8  # Initials of one connection that do not open
    max_dns_records: int = 6_000
    max_dns_name_jumps: int = 127  # pointers in one name
    max_dns_chain: int = 16


LIMITS = Limits()
