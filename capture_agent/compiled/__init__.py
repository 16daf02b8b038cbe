"""The optional fast path: Cython modules that give what the pure modules give, sooner."""
