"""The canary: requests whose true connection is known, by which joins are measured in production."""
