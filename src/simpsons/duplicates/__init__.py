"""Near-duplicates and copies: pictures that show the same, for splits and audits."""
