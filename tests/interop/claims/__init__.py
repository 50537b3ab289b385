"""The claims, one file for each client or kind; see harness/claim.py for what a claim is."""
