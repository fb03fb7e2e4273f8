"""Memory before it is used: `sizes` adds up what a configuration's series take, `command` shows it."""
