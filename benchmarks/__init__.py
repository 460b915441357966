"""Commands that measure: each figure of the documentation has one."""
