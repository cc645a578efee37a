"""Catalog: products, prices, promotions, tax categories and stock."""
