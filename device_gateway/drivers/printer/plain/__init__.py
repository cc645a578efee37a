"""Plain text printers, as in kitchens. See driver.py."""
