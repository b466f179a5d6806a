"""Rules tried on cases written by hand, each with what is expected of it: `commsd sla test`."""
