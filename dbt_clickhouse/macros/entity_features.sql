{# The features of an entity hour, by the group (model int_entity_hour_…) that computes them. #}
{% macro entity_features() -%}
    {{ return({
        'population': [
            'ja4_reqs_rank', 'ja4_reqs_quantile', 'ja4_ips_rank', 'ja4_ips_quantile', 'ja4_uas_rank', 'ja4_paths_rank',
            'ja4_browser_ratio', 'ja4_h2h3_ratio', 'ja4_heuristic_ratio', 'ja4_cache_ratio',
            'ja4_asn_entropy', 'ja4_age_days', 'ja4_surge',
        ],
        'contradictions': [
            'ua_ja4_bits', 'ua_ja4_known_mismatch', 'alpn_proto_gap', 'tls_floor_gap', 'grease_missing', 'pq_missing',
            'h2fp_ua_bits', 'ttl_os_mismatch', 'tcpsig_os_bits', 'mss_tunnel', 'sni_host_mismatch', 'ja4_per_ip',
            'ja4_exact_per_stable', 'resumption_ratio',
        ],
        'headers': [
            'hdr_order_bits', 'hdr_orders', 'hdr_required_missing', 'hdr_case_odd', 'secfetch_missing',
            'secfetch_incoherent', 'ch_ua_mismatch', 'ch_platform_mismatch', 'lang_geo_mismatch', 'cookie_return',
            'referer_valid', 'conditional_ratio', 'ua_per_ja4ip',
        ],
        'timing': [
            'iat_cv', 'burstiness', 'beacon_ts', 'beacon_size', 'lag1', 'mode_share', 'conc_max', 'reqs_per_conn',
            'hello_to_req_ms',
        ],
        'rhythm': ['beacon_hist', 'beacon_dur', 'night_share'],
        'paths': [
            'path_entropy', 'uniq_path_ratio', 'enum_score', 'asset_ratio', 'asset_complete', 'err4xx_ratio',
            'err5xx_ratio', 'sensitive_hits', 'robots_fetched',
        ],
        'peers': ['sync_peers'],
    }) }}
{%- endmacro %}
