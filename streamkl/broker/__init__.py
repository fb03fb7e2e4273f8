"""A real Apache Kafka on a machine that has only Python: for the demo and the tests, never for production."""
