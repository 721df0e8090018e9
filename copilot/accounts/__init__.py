"""Who may do what at the web desk: accounts, sessions, API tokens; and the log of what was done."""
