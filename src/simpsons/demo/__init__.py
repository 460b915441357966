"""The whole path on drawings of our own, for where no data is at hand."""
