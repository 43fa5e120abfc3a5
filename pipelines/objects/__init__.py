"""Object stores: what is fetched from one before landing, and what may leave is copied to one. The home stays a local disk."""
