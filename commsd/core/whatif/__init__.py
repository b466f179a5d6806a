"""What other rules would have done: past cases replayed under both, what differs counted and named. Pure."""
