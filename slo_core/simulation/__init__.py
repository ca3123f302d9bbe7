"""How an SLO and its alerts would behave in an incident."""
