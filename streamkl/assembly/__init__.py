"""The only room that knows every other one: from a configuration to a running program. `plan` is without Kafka, `service` is all of it."""
