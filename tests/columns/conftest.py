"""How this folder is collected."""

# Collected for doctests, it is skipped where pyarrow is too new, and what is left of it
# then can no longer be imported.
collect_ignore = ["kinds.py"]
