"""From files to the rules in force: read, judged, counted, accepted, swapped."""
