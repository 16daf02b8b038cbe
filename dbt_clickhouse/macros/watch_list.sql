{#
  Bits of surprise from which a stable JA4 that a labelled bad bot has makes others who have it worth a look: 5 bits are
  one address in 32. Below, it is the fingerprint of a browser that many use.
#}
{% macro watched_ja4_bits() -%}
    5
{%- endmacro %}


{#
  Days in which what a label covers is looked for. A bound on what each reader pays: without one, every question of the
  watch list reads all verdicts that are kept. What a label names itself counts without it.
#}
{% macro watched_label_days() -%}
    7
{%- endmacro %}


{# What one customer has: a /24 of IPv4, which is mapped, or a /64. #}
{% macro customer_network(address) -%}
    tupleElement(
        IPv6CIDRToRange({{ address }}, if(startsWith(toString({{ address }}), '::ffff:'), 120, 64)), 1
    )
{%- endmacro %}
