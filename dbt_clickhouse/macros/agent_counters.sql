{# The ledger's counters, which add up over runs; requests_waiting is a level and does not. #}
{% macro agent_counters() -%}
    {{ return([
        'frames_seen', 'frames_dropped_kernel', 'frames_undecodable',
        'hellos_complete', 'hellos_reassembled', 'hellos_truncated', 'hellos_malformed', 'hellos_unused',
        'flows_opened', 'flows_evicted_idle', 'flows_evicted_full',
        'streams_evicted_bytes', 'streams_evicted_segments',
        'http_events_seen', 'http_events_rejected', 'http_events_dropped', 'http_events_lost',
        'requests_matched', 'requests_ambiguous', 'requests_midstream', 'requests_no_hello', 'requests_cleartext',
        'rows_inserted', 'rows_spooled', 'rows_discarded',
    ]) }}
{%- endmacro %}
