"""The device gateway of a store PC: it owns printer, drawer, scanner, scale and display, and never prints twice."""
