"""Rooms with a door to the street: Kafka, files, HTTP, the terminal. They do not know one another."""
