"""A replay of the log by several processes, and its findings as text and page."""
