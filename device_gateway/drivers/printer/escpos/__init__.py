"""ESC/POS receipt printers. See README.md."""
