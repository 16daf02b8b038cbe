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


{# First versions that accept brotli over HTTPS: Chrome 50, Firefox 44, Safari 11. #}
{% macro implies_brotli() -%}
    multiIf(
        ua_engine = 'chromium', chromium_version >= 50,
        ua_family = 'Firefox', ua_version >= 44,
        ua_family = 'Safari', ua_version >= 11,
        0
    )
{%- endmacro %}


{#
  First version that sends Sec-CH-UA with every request over HTTPS: Chrome and Edge 89. Other products that are made
  of Chromium may leave it out.
#}
{% macro implies_client_hints() -%}
    (ua_family in ('Chrome', 'Edge') and chromium_version >= 89)
{%- endmacro %}


{#
  The placeholder brand that Chromium of a major version puts into Sec-CH-UA, as it stands in the header. Two of eleven
  characters and one of three versions, by the major version alone; products made of Chromium have the same
  (GetGreasedUserAgentBrandVersion in Chromium's components/embedder_support/user_agent_utils.cc).
#}
{% macro placeholder_brand(version) -%}
    concat(
        '"Not', substring(' (:-./);=?_', 1 + {{ version }} % 11, 1),
        'A', substring(' (:-./);=?_', 1 + ({{ version }} + 1) % 11, 1),
        'Brand";v="', ['8', '99', '24'][1 + {{ version }} % 3], '"'
    )
{%- endmacro %}


{#
  1 if a Sec-CH-UA does not hold the placeholder brand of the Chromium that it names. Null before version 135: a policy
  of companies, gone since, could set those back to the placeholder of version 98.
#}
{% macro is_other_placeholder(sec_ch_ua, version) -%}
    if({{ version }} >= 135, position({{ sec_ch_ua }}, {{ placeholder_brand(version) }}) = 0, null)
{%- endmacro %}


{#
  1 if what a connection's HTTP/2 frames say cannot be the engine's; null for engines of which nothing is known.
  Each engine sends its pseudo-headers in an order of its own: Chromium method, authority, scheme, path; Gecko method,
  path, authority, scheme; WebKit method, scheme, then the others. Chromium's streams begin with a window of 6 MiB
  (SETTINGS_INITIAL_WINDOW_SIZE, 4) on every platform. Own recordings of Chromium 156 and Firefox 153; WebKit as its
  imitations agree on it (curl_cffi, primp, tls-client).
#}
{% macro is_other_h2_engine(engine, fingerprint) -%}
    multiIf(
        {{ engine }} = 'chromium',
        not endsWith({{ fingerprint }}, '|m,a,s,p') or not match({{ fingerprint }}, '^(?:[^|]*;)?4:6291456[;|]'),
        {{ engine }} = 'gecko', not endsWith({{ fingerprint }}, '|m,p,a,s'),
        {{ engine }} = 'webkit', not match({{ fingerprint }}, '\\|m,s,(?:a,p|p,a)$'),
        null
    )
{%- endmacro %}


{#
  1 if a SYN's signature (docs/reference/tcp-signature.md) is not that of the operating system: Windows starts at a TTL
  of 128 and sends no timestamps, and both must differ; Apple's systems end the option list (eol), which the others
  do not; Linux, Android and Chrome OS start at 64 and do not end it. Null for systems of which nothing is known.
#}
{% macro is_other_tcp_stack(os, signature) -%}
    multiIf(
        {{ os }} = 'Windows',
        splitByChar(':', {{ signature }})[2] != '128' and has(splitByChar(',', splitByChar(':', {{ signature }})[5]), 'ts'),
        {{ os }} in ('macOS', 'iOS'), position(splitByChar(':', {{ signature }})[5], 'eol') = 0,
        {{ os }} in ('Linux', 'Android', 'Chrome OS', 'Chromium OS'),
        splitByChar(':', {{ signature }})[2] = '128' or position(splitByChar(':', {{ signature }})[5], 'eol') > 0,
        null
    )
{%- endmacro %}


{#
  Hellos without a request from which on an address counts as one that only looks at handshakes. Browsers open a few
  connections ahead that they never use; a scan of ciphers takes dozens.
#}
{% macro fewest_unused_hellos() -%}
    20
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
