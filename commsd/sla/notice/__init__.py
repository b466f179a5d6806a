"""Our own people are told: from the rung that fires to the mail, webhook or SMS that leaves."""
