"""Units, constants, errors, random streams, four-vectors, registry, and the types that travel."""
