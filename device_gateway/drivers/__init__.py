"""Device drivers, one folder each: `<kind>/<driver>/` with manifest.toml, driver.py and simulator.py."""
