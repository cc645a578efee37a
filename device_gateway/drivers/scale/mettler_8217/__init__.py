"""Scales that speak the protocol of the Mettler Toledo 8217."""
