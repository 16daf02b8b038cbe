"""The query box: text as terms, terms as conditions on the marts."""
