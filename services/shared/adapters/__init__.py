"""The ports on real servers. Vendors' errors end here."""
