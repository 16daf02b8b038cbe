{# The ledger's counters, which add up over runs; requests_waiting and clock_skew_us are levels and do not. #}
{% macro agent_counters() -%}
    {{ return([
        'frames_seen', 'frames_dropped_kernel', 'frames_undecodable',
        'hellos_complete', 'hellos_reassembled', 'hellos_truncated', 'hellos_malformed', 'hellos_unused',
        'flows_opened', 'flows_evicted_idle', 'flows_evicted_full',
        'streams_evicted_bytes', 'streams_evicted_segments',
        'http_events_seen', 'http_events_rejected', 'http_events_dropped', 'http_events_lost',
        'requests_matched', 'requests_ambiguous', 'requests_midstream', 'requests_no_hello', 'requests_cleartext',
        'rows_inserted', 'rows_spooled', 'rows_discarded',
        'flows_closed', 'epochs_evicted_full', 'epochs_restored', 'streams_evicted_timeout', 'quic_unopened',
        'fragments_evicted_full', 'fragments_evicted_timeout',
        'fragments_discarded_overlap', 'fragments_discarded_oversize',
        'http_events_duplicate', 'cleartext_requests_read', 'cleartext_requests_unanswered',
        'cleartext_heads_malformed', 'cleartext_heads_oversize',
        'cleartext_streams_gap', 'cleartext_streams_evicted_full',
        'http_events_excluded', 'rows_excluded',
    ]) }}
{%- endmacro %}
