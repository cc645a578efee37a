"""INPAS SmartSale / DualConnector: see README.md."""
