{#
  Bits of surprise from which a stable JA4 that a labelled bad bot has makes others who have it worth a look: 5 bits are
  one address in 32. Below, it is the fingerprint of a browser that many use.
#}
{% macro watched_ja4_bits() -%}
    5
{%- endmacro %}
