"""Any network of torch's modules: ..."""
