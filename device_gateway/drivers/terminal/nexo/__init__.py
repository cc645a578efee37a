"""nexo Retailer JSON, as the Adyen Terminal API speaks it: see README.md."""
