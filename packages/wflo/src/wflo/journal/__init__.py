"""Every statement that decides: what is claimed, committed, revoked, and what follows."""
