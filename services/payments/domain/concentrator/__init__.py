"""The concentrator's rules: numbers, messages, routing, reversals, links, settlement. Pure (protocols.md D)."""
