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
    max_rtt_ms: float = 60_000.0
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


LIMITS = Limits()
