"""Every cap that input can run into, in one frozen value; units stand in the names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Limits:
    """Caps on what input may ask for. Each is far above honest use."""

    max_claim_file_bytes: int = 4 * 1024 * 1024
    max_report_bytes: int = 1 << 30  # a saved report that is read again
    max_evidence_file_bytes: int = 64 << 20
    max_target_file_bytes: int = 64 << 20  # a list of addresses or names
    max_anchor_file_bytes: int = 1 << 20
    max_claims_per_file: int = 1_000
    max_patterns_per_claim: int = 100_000
    max_decompressed_bytes: int = 1 << 40
    max_compression_ratio: int = 2_000
    max_line_bytes: int = 1 << 20
    span_bytes: int = 256 << 20  # of a large input: what a kept job commits at once,
    small_span_bytes: int = 16 << 20  # and what is read exactly around a bad record
    max_log_fields: int = 1_000
    max_json_value_bytes: int = 64 << 20  # one record of a JSON document; a HAR entry holds a whole response
    max_record_bytes: int = 1 << 62
    max_quarantine_in_report: int = 1_000
    max_value_characters: int = 80
    # Reports for others' systems: what GitHub takes of one step's summary, and of one SARIF run.
    max_step_summary_bytes: int = 1 << 20
    max_sarif_results: int = 25_000
    max_oscal_observations: int = 10_000
    # Reports that are pages (report/html); the other forms hold everything.
    max_findings_in_page: int = 2_000
    max_patterns_in_page: int = 50
    max_rows_in_page: int = 100  # of timelines, places and records put aside
    dns_grace_s: int = 300
    max_dns_ttl_s: int = 7 * 86_400
    assumed_dns_ttl_s: int = 300
    proxy_lead_s: int = 2
    reporter_slack_s: int = 2  # how far the two ends of a conversation may differ about when a packet passed
    first_ephemeral_port: int = 32_768
    max_rtt_ms: float = 60_000.0
    # Flows of captures. TCP may be silent for long (5 minutes is what Zeek waits too); a closed connection lingers for
    # late copies; UDP gets what a NAT must give it at the least (RFC 4787, REQ-5), a QUIC connection idles as long.
    tcp_idle_s: int = 300
    tcp_closed_s: int = 30
    udp_idle_s: int = 120
    other_idle_s: int = 60
    max_open_flows: int = 1_000_000
    # What comes again within this time is the same packet captured twice, not one sent again: no stack waits so little.
    capture_copy_us: int = 5_000
    # A client that answers a SYN/ACK within this time is where the capture is: 1 ms is 150 km at the very most.
    client_ack_us: int = 1_000
    max_opening_bytes: int = 16 * 1024
    max_open_streams: int = 4_096
    max_dns_streams: int = 512
    max_stream_pieces: int = 64
    max_fragment_chains: int = 1_024
    max_fragmented_datagram_bytes: int = 65_535
    fragment_wait_s: int = 60
    max_answers_in_memory: int = 100_000
    max_captured_packet_bytes: int = 256 * 1024
    max_damaged_packets: int = 10_000
    max_batch_packets: int = 65_536
    max_packet_layers: int = 32
    max_capture_interfaces: int = 65_536
    capture_window_bytes: int = 8 << 20
    max_mmdb_bytes: int = 2 << 30
    max_mmdb_nodes: int = 100_000_000
    max_mmdb_values: int = 50_000_000  # decoded, each stored value once
    max_mmdb_depth: int = 32
    max_mmdb_text_characters: int = 200  # a longer city or organisation is cut
    mmdb_import_cpu_s: int = 300
    mmdb_import_wall_s: int = 600
    mmdb_import_memory_bytes: int = 8 << 30
    mmdb_import_file_bytes: int = 2 << 30
    mmdb_import_answer_characters: int = 1 << 16
    list_max_age_days: int = 35
    database_max_age_days: int = 35
    # What is fetched (sources/fetch.py); sizes are counted after decompression.
    fetch_deadline_s: float = 10.0
    max_redirects: int = 3
    max_retry_after_s: int = 60
    max_fetch_attempts: int = 3
    max_url_characters: int = 2_048
    max_addresses_tried: int = 4
    max_concurrent_fetches: int = 16
    max_fetches_per_host: int = 4
    min_fetch_interval_ms: int = 100
    max_rdap_bytes: int = 1 << 20
    max_bootstrap_bytes: int = 4 << 20
    max_geofeed_bytes: int = 32 << 20
    max_ranges_bytes: int = 64 << 20
    max_body_bytes_in_memory: int = 2 << 20
    max_excerpt_characters: int = 120
    max_json_depth: int = 64
    max_json_integer_digits: int = 40
    # Registrations and geofeeds.
    max_rdap_questions: int = 10_000
    max_registry_failures: int = 5
    registration_max_age_days: int = 30
    not_found_max_age_days: int = 7
    max_geofeed_lines: int = 1_000_000
    max_geofeeds_discovered: int = 100
    # Files of providers' ranges.
    max_range_prefixes: int = 1_000_000
    max_range_files: int = 1_000
    max_faults_kept: int = 1_000
    max_listed_share: float = 0.01  # of IPv4, by a list that calls it anycast
    warn_listed_share: float = 0.001
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
    # Files of round-trip times, and times measured from here (sources/latency.py, sources/live.py).
    max_rtt_file_bytes: int = 512 << 20
    max_rtt_rows: int = 5_000_000
    max_rtt_rows_refused: int = 100_000
    max_vantages: int = 2_000  # of one target or one mesh; of more, a target keeps the nearest
    max_vantage_name_characters: int = 200
    min_rtt_ms: float = 0.001  # 150 m: a shorter one measures the machine, not the path
    min_controls: int = 3  # endpoints of known place that test the auditor's own vantage, of so many operators:
    min_control_operators: int = 2
    min_samples: int = 3  # of one vantage's times before they prove
    min_networks_answered_near: int = 10
    answered_near_share: float = 0.9
    answered_near_ms: float = 2.0
    max_live_targets: int = 1_000
    max_live_samples: int = 20
    max_live_at_once: int = 8
    live_deadline_s: float = 300.0
    live_attempt_s: float = 5.0
    max_live_answer_bytes: int = 64 * 1024
    # Names that are looked up (resolve/).
    max_names_to_resolve: int = 1_000_000
    max_dns_vantages: int = 64
    max_rounds: int = 10_000
    max_answer_records: int = 4_096
    # A forged answer can name many keys and signatures, each pair to be tried (CVE-2023-50387).
    max_dnssec_signatures: int = 4
    max_dnssec_records: int = 64
    max_dnssec_zones: int = 16
    max_dns_discarded: int = 1_000  # packets that answer something else, before an exchange is given up
    max_dns_connections: int = 8  # to one server
    max_dns_streams_at_once: int = 64  # on one connection
    max_dns_at_once: int = 1_000
    max_recorded_line_bytes: int = 4 << 20
    dns_udp_bytes: int = 1_232  # what passes every path unfragmented (DNS flag day 2020)
    dns_attempts_s: tuple[float, ...] = (1.5, 3.0)
    dns_after_damage_s: float = 0.5  # how long a good answer may come after one that cannot be read
    dns_close_s: float = 0.5
    dns_deadline_s: float = 60.0
    dns_queries_per_s: int = 500  # to one server that is not on this machine
    dns_circuit_failures: int = 50  # in a row, before a server is left alone
    dns_circuit_pause_s: float = 1.0
    dns_circuit_pauses: int = 2  # before those still waiting are told that the server fails


LIMITS = Limits()
