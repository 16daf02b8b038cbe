{#
  What browsers are known to do. Every macro renders an expression over the columns of `int_requests` and gives
  1, 0, or null where it does not apply.
#}

{#
  First versions that offer TLS 1.3 by default, from the browsers' release notes. Safari uses the system's TLS, which
  offers it since macOS 10.14.4: 14 is the first Safari that runs on no older system.
#}
{% macro implies_tls13() -%}
    multiIf(
        ua_engine = 'chromium', chromium_version >= 70,
        ua_family = 'Firefox', ua_version >= 63,
        ua_family = 'Safari', ua_version >= 14,
        0
    )
{%- endmacro %}


{#
  First versions that offer X25519MLKEM768 (0x11ec) by default: Chrome and Edge 131, Firefox 132, iOS 26. Safari 26
  on a Mac may run on an older system, whose TLS lacks it, and the user agent does not tell which.
#}
{% macro implies_pq_group() -%}
    multiIf(
        ua_engine = 'chromium', chromium_version >= 131,
        ua_family = 'Firefox', ua_version >= 132,
        ua_family = 'Safari', ua_os = 'iOS' and ua_version >= 26,
        0
    )
{%- endmacro %}


{# First versions that send Sec-Fetch-Site, -Mode and -Dest: Chrome 80, Firefox 90, Safari 16.4. #}
{% macro implies_sec_fetch() -%}
    multiIf(
        ua_engine = 'chromium', chromium_version >= 80,
        ua_family = 'Firefox', ua_version >= 90,
        ua_family = 'Safari', (ua_version, ua_minor_version) >= (16, 4),
        0
    )
{%- endmacro %}


{# Operating system that a user agent names; null where none is known. #}
{% macro user_agent_os(column) -%}
    multiIf(
        match({{ column }}, 'Windows'), 'Windows',
        match({{ column }}, 'Android'), 'Android',
        match({{ column }}, 'iPhone|iPad|iPod'), 'iOS',
        match({{ column }}, 'Macintosh|Mac OS X'), 'macOS',
        match({{ column }}, 'CrOS'), 'Chrome OS',
        match({{ column }}, 'Linux'), 'Linux',
        null
    )
{%- endmacro %}


{# Value of a structured header string: `"Windows"` becomes Windows; null where absent or empty. #}
{% macro unquoted(column) -%}
    nullIf(trim(both '"' from ifNull({{ column }}, '')), '')
{%- endmacro %}


{# Initial TTL that an operating system's stack sends. #}
{% macro initial_ttl_of_os(os) -%}
    multiIf({{ os }} = 'Windows', 128, {{ os }} is null, null, 64)
{%- endmacro %}


{# Initial TTL from the TTL seen on the way: no path has 64 hops. #}
{% macro initial_ttl_of_seen(ttl) -%}
    multiIf({{ ttl }} is null, null, {{ ttl }} <= 64, 64, {{ ttl }} <= 128, 128, 255)
{%- endmacro %}


{#
  What of a SYN's signature (docs/reference/tcp-signature.md) belongs to the operating system: initial TTL, window
  scale and the order of the options. MSS and window follow the path, quirks the IP version.
#}
{% macro tcp_stack(signature) -%}
    if(
        {{ signature }} is null,
        null,
        arrayStringConcat(
            [
                splitByChar(':', ifNull({{ signature }}, ''))[2],
                splitByChar(',', splitByChar(':', ifNull({{ signature }}, ''))[4])[2],
                splitByChar(':', ifNull({{ signature }}, ''))[5]
            ],
            ':'
        )
    )
{%- endmacro %}


{# MSS of a path with the Ethernet MTU of 1500 and no tunnel: 1460 over IPv4, 1440 over IPv6. #}
{% macro full_mss(ip) -%}
    if(isIPAddressInRange(toString({{ ip }}), '::ffff:0:0/96'), 1460, 1440)
{%- endmacro %}


{#
  Names that every browser writes in this spelling over HTTP/1.1. Names that a page's script can set
  (Content-Type, X-…) are absent, since they keep the script's spelling.
#}
{% macro http1_browser_names() -%}
    {{ return([
        'Host', 'Connection', 'User-Agent', 'Accept', 'Accept-Encoding', 'Accept-Language',
        'Upgrade-Insecure-Requests', 'Sec-Fetch-Site', 'Sec-Fetch-Mode', 'Sec-Fetch-Dest', 'Sec-Fetch-User',
        'sec-ch-ua', 'sec-ch-ua-mobile', 'sec-ch-ua-platform', 'Cookie', 'Referer', 'Origin',
    ]) }}
{%- endmacro %}


{% macro has_odd_header_case(names) -%}
    {%- set browser_names = http1_browser_names() -%}
    arrayExists(
        name -> lower(name) in ('{{ browser_names | map('lower') | join("', '") }}')
        and name not in ('{{ browser_names | join("', '") }}'),
        {{ names }}
    )
{%- endmacro %}


{#
  Fetch metadata that no browser sends (W3C Fetch Metadata Request Headers): a navigation with the destination
  of a subresource, a subresource request with the destination of a page, a user's own navigation (none) with
  a Referer, Sec-Fetch-User outside a navigation.
#}
{% macro is_impossible_fetch(site, mode, dest, user, referer) -%}
    (ifNull({{ mode }}, '') = 'navigate'
     and ifNull({{ dest }}, '') not in ('', 'document', 'iframe', 'frame', 'fencedframe', 'embed', 'object'))
    or (ifNull({{ mode }}, 'navigate') != 'navigate' and ifNull({{ dest }}, '') in ('document', 'iframe', 'frame'))
    or (ifNull({{ site }}, '') = 'none' and ifNull({{ referer }}, '') != '')
    or ({{ user }} is not null and ifNull({{ mode }}, 'navigate') != 'navigate')
{%- endmacro %}
