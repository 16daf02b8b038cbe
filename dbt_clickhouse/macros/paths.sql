{# What a path and its request say about the purpose of the request. #}

{#
  A path with its numbers, UUIDs and long hexadecimal names replaced, so that the pages made from one template
  are one: /product/17 and /product/18 become /product/0.
#}
{% macro path_template(path) -%}
    replaceRegexpAll(
        replaceRegexpAll(
            {{ path }}, '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|[0-9a-f]{16,}', 'x'
        ),
        '[0-9]+', '0'
    )
{%- endmacro %}


{# The last number in a path, as of a page or an item; null without one or beyond 18 digits. #}
{% macro last_number(path) -%}
    toInt64OrNull(extract({{ path }}, '(?:^|[^0-9])([0-9]{1,18})[^0-9]*$'))
{%- endmacro %}


{#
  page, asset or other. The browser's own statement (Sec-Fetch-Dest) decides; without it the file name, and for
  names without a telling extension whether HTML is accepted. `other` is what scripts ask for: data.
#}
{% macro resource_kind(method, path, dest, accept) -%}
    multiIf(
        {{ method }} not in ('GET', 'HEAD'), 'other',
        ifNull({{ dest }}, '') in ('document', 'iframe', 'frame'), 'page',
        ifNull({{ dest }}, '') in ('script', 'style', 'image', 'font', 'audio', 'video', 'track', 'manifest'), 'asset',
        ifNull({{ dest }}, '') != '', 'other',
        match(lower({{ path }}), '\\.(?:css|m?js|map|png|jpe?g|gif|svg|webp|avif|ico|woff2?|ttf|otf|mp[34]|webm)$'),
        'asset',
        match(lower({{ path }}), '\\.(?:html?|php|aspx?|jsp)$'), 'page',
        match({{ path }}, '\\.[A-Za-z0-9]{1,5}$'), 'other',
        ifNull({{ accept }}, '') = '' or match({{ accept }}, 'text/html|\\*/\\*'), 'page',
        'other'
    )
{%- endmacro %}


{# Paths where careless sites keep secrets or administration; nobody follows a link to them. #}
{% macro is_sensitive_path(path) -%}
    match(
        lower({{ path }}),
        concat(
            '(?:^|/)\\.(?:env|git|svn|hg|aws|ssh|ds_store|htpasswd|htaccess)(?:$|[/.])',
            '|/wp-(?:login|admin|config)|/xmlrpc\\.php|/actuator(?:/|$)|/phpmyadmin|/phpinfo|/server-status',
            '|/cgi-bin/|/phpunit/|/debug/pprof|\\.(?:bak|sql|old|swp|tar\\.gz)$|/backup\\.'
        )
    )
{%- endmacro %}


{# Text that only an attack puts into a path: climbing out of the site, script, JNDI, SQL, a shell. #}
{% macro is_attack_path(path) -%}
    match(
        lower({{ path }}),
        concat(
            '\\.\\.(?:/|%2f|%5c|\\\\)|%2e%2e|%00|/etc/passwd|<script|%3cscript|\\$\\{jndi|%24%7bjndi',
            '|union(?: |\\+|%20)+(?:all(?: |\\+|%20)+)?select|;(?:wget|curl|cat) |%3b(?:wget|curl|cat)(?:%20|\\+)'
        )
    )
{%- endmacro %}


{# A password was sent or asked for: a POST to a login form, or an answer 401. #}
{% macro is_login_attempt(method, path, status) -%}
    {{ status }} = 401
    or ({{ method }} = 'POST' and match(lower({{ path }}), '(?:^|/)(?:log|sign)[-_]?in|/wp-login|/session|/auth'))
{%- endmacro %}


{# Path that a Referer names on the same host, without query; '' if it names none or another host. #}
{% macro referer_path(referer, host) -%}
    if(
        replaceRegexpOne(lower(extract(ifNull({{ referer }}, ''), '^https?://([^/?#]*)')), '\\.?(:[0-9]*)?$', '') = {{ host }}
        and {{ host }} != '',
        extract(ifNull({{ referer }}, ''), '^https?://[^/?#]*(/[^?#]*)'),
        ''
    )
{%- endmacro %}
