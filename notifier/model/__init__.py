"""The words of the product, one module a family; see docs/ARCHITECTURE.md.

Nothing here reads a clock, a file or a socket: every other room may import these modules, and they import
nobody but each other.
"""
