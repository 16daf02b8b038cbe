{#
  CTEs `suffix_rules` and `registrable`: the registrable domain of each host of the relation `hosts`, which browsers call its site,
  by the Public Suffix List (https://github.com/publicsuffix/list/wiki/Format#algorithm), private domains included, as for cookies.

  An exception wins over all, then the rule with the most labels; a name that no rule matches has its last label as suffix.
  Empty for a host that is itself a public suffix, or no name; an address is its own site. Eight labels are looked at, because
  the longest rule has five and a Host header may have as many as its sender likes.
#}
{% macro registrable_domain_ctes(hosts) -%}
suffix_rules as (
    select distinct
        suffix,
        toString(rule) as kind
    from {{ source('intel', 'intel_public_suffixes') }}
    where
        source = 'public_suffixes'
        and version in (
            select argMax(version, activated_at)
            from {{ source('intel', 'intel_sources') }}
            where source = 'public_suffixes'
        )
),

host_labels as (
    select distinct
        toString(host) as name,
        arraySlice(splitByChar('.', name), -8) as labels
    from {{ hosts }}
),

host_suffixes as (
    select
        name,
        arrayJoin(arrayEnumerate(labels)) as at,
        toInt64(length(labels) - at + 1) as size,
        arrayStringConcat(arraySlice(labels, at), '.') as suffix
    from host_labels
),

longest_rules as (
    select
        host_suffixes.name as name,
        maxIf(host_suffixes.size - 1, suffix_rules.kind = 'exception') as excepted,
        maxIf(host_suffixes.size, suffix_rules.kind = 'suffix') as plain,
        maxIf(host_suffixes.size + 1, suffix_rules.kind = 'wildcard' and host_suffixes.at > 1) as starred
    from host_suffixes
    inner join suffix_rules on host_suffixes.suffix = suffix_rules.suffix
    group by host_suffixes.name
),

registrable as (
    select
        host_labels.name as name,
        if(
            longest_rules.excepted > 0,
            longest_rules.excepted,
            greatest(longest_rules.plain, longest_rules.starred, toInt64(1))
        ) as public_labels,
        multiIf(
            isIPv4String(name) or name like '[%', name,
            length(host_labels.labels) <= public_labels or has(host_labels.labels, ''), '',
            arrayStringConcat(arraySlice(host_labels.labels, -(public_labels + 1)), '.')
        ) as registrable_domain
    from host_labels
    left join longest_rules on host_labels.name = longest_rules.name
)
{%- endmacro %}
