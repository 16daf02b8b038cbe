{{ config(materialized='view') }}

with source as (
    select *
    from {{ ref('int_requests') }}
),

renamed as (
    select
        ts,
        hour,
        sensor,
        site,
        client_ip,
        peer_ip,
        method,
        scheme,
        host,
        path,
        protocol,
        status,
        response_bytes,
        duration_us,
        user_agent,
        ua_family,
        referer,
        header_names,
        header_order_hash,
        join_state,
        join_confidence,
        ja4,
        ja4_stable,
        asn,
        asn_kind,
        country,
        cloud,
        crawler_state,
        conn_id,
        request_seq_on_conn
    from source
)

select * from renamed
