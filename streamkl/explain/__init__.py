"""One verdict derived again from the records: `origin` reads what led to it, `command` looks closely, `display` shows it."""
