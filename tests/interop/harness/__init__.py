"""The harness of the interop claims: targets that answer, claims, and what claims are written with."""
